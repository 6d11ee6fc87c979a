"""Has a camera that does not turn been moved? Its pictures against landmarks from when its plan was approved."""
