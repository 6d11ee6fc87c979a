"""Ingest: cameras in, blanked and encrypted footage and live packets out."""
