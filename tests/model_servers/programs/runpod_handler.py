"""A handler of RunPod."""
import runpod


def handler(job):
    x = job["input"]["x"]
    return {"error": "x must not be negative"} if x < 0 else {"y": x * x}


runpod.serverless.start({"handler": handler})
