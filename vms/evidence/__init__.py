"""Evidence packages: what a receiver gets of a hold, complete and checkable without this system."""
