"""From the bytes of one call to samples at a model's rate; `reader.AudioReader` is the way in."""
