"""The mathematics of calibration: from pictures at known poses to a camera model, its accuracy, and what it means for masks. Pure."""
