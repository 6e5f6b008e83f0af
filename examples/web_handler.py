"""An HTTP handler that classifies the picture it is sent, on asyncio with aiohttp.

    python web_handler.py MODEL.rknn [PORT]        then:  curl --data-binary @picture.png http://127.0.0.1:8000/classify

The event loop is never blocked: `arun` hands the picture to the cores and comes back when they have answered. A client that goes
away withdraws its request; one that would wait longer than a second is told to come back later.
"""

import asyncio
import io
import sys

import numpy as np
from aiohttp import web
from PIL import Image, UnidentifiedImageError

import ez_rknn_async as ez

SESSION = web.AppKey("session", ez.InferenceSession)


def read_picture(content, node):
    _, _, height, width = node.shape
    picture = Image.open(io.BytesIO(content)).convert("L").resize((width, height))
    return {node.name: np.asarray(picture).reshape(node.shape)}


async def classify(request):
    session = request.app[SESSION]
    content = await request.read()
    try:
        feed = await asyncio.to_thread(read_picture, content, session.get_inputs()[0])
    except UnidentifiedImageError:
        return web.json_response({"error": "the body is no picture"}, status=400)
    try:
        (scores,) = await session.arun(None, feed, timeout=1.0)
    except (ez.Timeout, ez.QueueFull):
        return web.json_response({"error": "busy"}, status=503, headers={"Retry-After": "1"})
    return web.json_response({"class": int(scores[0].argmax()), "scores": scores[0].tolist()})


async def stats(request):
    return web.json_response(request.app[SESSION].stats())


async def close(app):
    await asyncio.to_thread(app[SESSION].close)  # what was accepted is still answered


def make_app(model):
    app = web.Application(client_max_size=1 << 22)
    app[SESSION] = ez.InferenceSession(model, provider_options={"schedule": "balanced"})
    app.add_routes([web.post("/classify", classify), web.get("/stats", stats)])
    app.on_cleanup.append(close)
    return app


if __name__ == "__main__":
    web.run_app(make_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]) if len(sys.argv) > 2 else 8000)
