"""Where onnxruntime keeps its classes, for programs that import them from there."""
