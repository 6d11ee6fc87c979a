"""`vms-audit`: checks an audit bundle without trusting whoever made it. Imports nothing of the product; depends on `cryptography` only.

What it calculates it calculates again, by code of its own. docs/audit.md says what to bring and what it can't prove.
"""

__version__ = "0.1.0"
