"""What the law allows at a place, as values and one pure function: no database, no clock, no file."""
