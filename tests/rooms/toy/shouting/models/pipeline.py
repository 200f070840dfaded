"""Triton's view of it."""

import json

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Called by the Python backend."""

    def initialize(self, args):
        self._mark = json.loads(args["model_config"])["parameters"]["mark"]["string_value"]

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        texts = pb_utils.get_input_tensor_by_name(request, "TEXT").as_numpy()
        loud = np.array([(text.decode().upper() + self._mark).encode() for text in texts], np.object_)
        return pb_utils.InferenceResponse([pb_utils.Tensor("RESULT", loud)])
