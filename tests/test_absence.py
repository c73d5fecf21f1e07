"""Who is merely away, by headers and by the subject alone; and whose subject only looks so."""

import pytest

from unlisted.notice import bounce

LABELS = [
    "Automatic reply: Invoice 12",
    "Out of Office AutoReply: Invoice",
    "Automatische Antwort: Re: Angebot",
    "[EXTERN] Automatische Antwort: Angebot",
    "Abwesenheitsnotiz",
    "Abwesenheitsnotiz: Angebot",
    "Réponse automatique : devis",
    "Message d’absence: devis",
    "Respuesta automática: oferta",
    "Risposta automatica: offerta",
    "Automatisch antwoord: offerte",
    "Afwezigheidsbericht: offerte",
    "Autosvar: offert",
    "Frånvaromeddelande",
    "Automatyczna odpowiedź: oferta",
    "Odpowiedź automatyczna: oferta",
    "自動応答: 見積もり",
    "[自動返信] 見積もり",
    "【不在通知】見積もり",
    "自动回复: 报价",
]
AWAY = [
    "Abwesenheit: Angebot",
    "Im Urlaub bis 4. Dezember",
    "Absence du bureau Re: devis",
    "Fuera de la oficina",
    "Fuori ufficio: offerta",
    "Afwezig tot 4 december",
    "På semester till den 4",
    "Nieobecność: oferta",
    "不在のためご返信できません",
    "Out of the office until Monday",
    "Auto: Invoice",
]


def told(
    subject: str, *headers: str, sender: str = "b@example.org", body: str = "Back on Monday."
) -> list[str]:
    head = "".join(f"{line}\n" for line in headers)
    kind = "Content-Type: text/plain; charset=utf-8"
    raw = f"From: {sender}\nSubject: {subject}\n{head}{kind}\n\n{body}\n"
    return [one.reason for one in bounce.refusals(raw.encode(), "x")]


@pytest.mark.parametrize("subject", LABELS)
def test_a_subject_that_only_programs_write_is_enough(subject: str) -> None:
    assert told(subject) == ["vacation"]


@pytest.mark.parametrize("subject", LABELS)
def test_an_answer_to_a_bounce_is_no_bounce(subject: str) -> None:
    quoted = f"{subject}: Undelivered Mail Returned to Sender"
    assert told(
        quoted, "Return-Path: <b@example.org>", "In-Reply-To: <1@x>", sender="postmaster@example.org"
    ) == ["vacation"]


@pytest.mark.parametrize("subject", AWAY)
def test_words_that_people_write_as_well_count_in_an_answer(subject: str) -> None:
    assert told(subject, "In-Reply-To: <1@example.com>") == ["vacation"]
    assert told(subject, "References: <1@example.com>") == ["vacation"]
    assert told(subject) == []


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Automatische Antwort: Angebot",
        "Automatische Antworten einrichten",
        "Automatic reply rules: how to set them up",
        "自動返信メールの設定について",
        "Urlaubsplanung 2027",
        "Absences in week 12",
        "Abwesenheitsnotizen: bitte einrichten",
        "Automatic transmission",
        "Autosvarta bilar",
        "Semester grades",
    ],
)
def test_a_subject_that_only_looks_so(subject: str) -> None:
    assert told(subject) == []


@pytest.mark.parametrize(
    "header",
    ["Precedence: auto_reply", "X-Autoreply: yes", "X-Autorespond: x", "Auto-Submitted: auto-replied"],
)
def test_a_header_is_enough(header: str) -> None:
    assert told("Re: Angebot", header) == ["vacation"]


def test_a_refusal_under_such_a_subject_is_one() -> None:
    said = "<a@x.example>: host mx.x.example[198.51.100.7] said: 550 5.1.1 User unknown"
    sender = "Mail Delivery System <mailer-daemon@example.org>"
    assert told("Automatische Antwort: Unzustellbar", sender=sender, body=said) == ["userunknown"]
