"""Scales a classifier out with Ray Serve: a process for each core of the NPU (or of the software NPU), behind one address.

    python ray_serve.py MODEL.rknn [REPLICAS]        then:  curl --data-binary @picture.png http://127.0.0.1:8000/

Every replica has a session of its own, bound to the core of its rank on its node. Ray spreads the requests over the replicas, and on a
cluster over the boards. Within a process the provider option `schedule` does the same for less.
"""

import asyncio
import io
import sys

import numpy as np
from PIL import Image, UnidentifiedImageError
from ray import serve
from starlette.responses import JSONResponse

import ez_rknn_async as ez

CORES = 3  # of an RK3588


@serve.deployment(ray_actor_options={"num_cpus": 1}, max_ongoing_requests=4)
class Classifier:
    def __init__(self, model, **options):
        self.core = serve.get_replica_context().rank.local_rank % CORES
        self.session = ez.InferenceSession(model, provider_options={"schedule": [self.core], **options})
        self.shape = self.session.get_inputs()[0].shape

    async def classify(self, picture):
        """By a handle, for other deployments and programs: a picture of the model's shape."""
        (scores,) = await self.session.arun(None, [picture], timeout=60.0)
        best = int(scores.argmax())
        return {"class": best, "score": float(scores.flat[best]), "core": self.core}

    async def __call__(self, request):
        """By HTTP: a picture file of any size."""
        content = await request.body()
        try:
            picture = await asyncio.to_thread(self.read_picture, content)
        except UnidentifiedImageError:
            return JSONResponse({"error": "the body is no picture"}, status_code=400)
        return await self.classify(picture)

    def read_picture(self, content):
        _, channels, height, width = self.shape
        picture = Image.open(io.BytesIO(content)).convert("L" if channels == 1 else "RGB").resize((width, height))
        return np.asarray(picture).reshape(1, height, width, channels).transpose(0, 3, 1, 2)


def application(model, replicas=CORES, **options):
    return Classifier.options(num_replicas=replicas).bind(model, **options)


if __name__ == "__main__":
    serve.run(application(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else CORES), blocking=True)
