"""Self-contained HTML pages: charts of a measurement, the graph of a model. One file, no scripts, nothing is loaded from elsewhere."""
