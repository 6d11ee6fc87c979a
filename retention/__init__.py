"""Retention: what is due for erasing, and the erase procedure."""
