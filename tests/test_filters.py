"""Every vendor that a rule or a host name can tell has a name for people."""

from unlisted.notice import filters, lists, rules


def test_every_vendor_has_a_name_for_people() -> None:
    table = rules.table()
    told = {rule.vendor for rule in table.rule.values()} | set(table.host.values()) - {""}
    told |= {rule.list for rule in table.rule.values()} | set(table.zone)
    unnamed = [key for key in sorted(told - {""} - set(lists.load().list)) if filters.name(key) == key]
    assert unnamed == []
    assert filters.name("messagelabs") == "MessageLabs"


def test_who_is_not_in_the_table_keeps_his_key() -> None:
    assert filters.name("bl.example.org") == "bl.example.org"
