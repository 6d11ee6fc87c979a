"""The database: tables, and one module of functions per noun. Rows never leave this package; frozen values do."""
