"""Routes, one module per noun. A route checks its input, asks the gate, calls one use case, and shapes the answer."""
