"""Pages: the shell and the views that people work in, as Jinja2 templates, plain ES modules and one style sheet."""
