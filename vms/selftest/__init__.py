"""The self-test in production: finished pictures of every path, against masks worked out anew, with no geometry of the blanking's."""
