from model import predict

print("the model is loaded")


def infer(prompt, temperature=1.0):
    return {**predict(prompt), "temperature": temperature}
