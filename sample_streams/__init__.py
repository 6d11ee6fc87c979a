"""The demo city: simulated cameras with real RTSP, real ONVIF, ground truth and fault injection.

The product never imports this package and this package never imports the product: everything between them goes over
the wire and through files, as it does with cameras that somebody else built.
"""
