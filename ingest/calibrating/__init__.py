"""Calibration in the camera's worker: the pictures' tap, the drive through the poses, the procedure, and the desk that obeys and stores."""
