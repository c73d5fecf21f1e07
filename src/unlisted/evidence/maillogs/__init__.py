"""Mail logs: what our own mail server took in and handed on."""
