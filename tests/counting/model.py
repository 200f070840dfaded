"""The counting pipeline as a model of Triton's Python backend."""

import json
import os
import time

import numpy as np
import triton_python_backend_utils as pb_utils  # only there inside Triton
from pipeline import CRASH, SLOW, SLOW_SECONDS, CountingStream, ToldToFail


class TritonPythonModel:
    def initialize(self, args):
        self.offline = json.loads(args["model_config"])["parameters"]["type"]["string_value"] == "offline"
        self.streams = {}

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        def control(name):
            return int(pb_utils.get_input_tensor_by_name(request, name).as_numpy().ravel()[0])

        stream_id, end = control("CORRID"), bool(control("END"))
        if control("START"):
            stream = self.streams[stream_id] = CountingStream(self.offline)
            config = pb_utils.get_input_tensor_by_name(request, "CONFIG")
            stream.configure(config.as_numpy().ravel()[0].decode() if config else "")
        stream = self.streams.pop(stream_id) if end else self.streams[stream_id]
        if stream.fault == SLOW:
            time.sleep(SLOW_SECONDS)
        if stream.fault == CRASH:
            os._exit(1)
        audio = pb_utils.get_input_tensor_by_name(request, "AUDIO_SIGNAL").as_numpy().ravel()
        try:
            result = stream.feed(audio, end=end)
        except ToldToFail as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error)))
        return pb_utils.InferenceResponse([pb_utils.Tensor("RESULT", np.array([[result.encode()]], dtype=object))])
