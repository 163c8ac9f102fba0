"""MiniLM behind LitServe, which speaks as OpenAI's embeddings do."""
import sys

import litserve

import embed


class Embeddings(litserve.LitAPI):
    def setup(self, device):
        embed.setup()

    def predict(self, sentences):
        return embed.infer(sentences)

    def encode_response(self, vectors):
        return {"embeddings": vectors.tolist()}


if __name__ == "__main__":
    api = Embeddings(spec=litserve.OpenAIEmbeddingSpec())
    server = litserve.LitServer(api, accelerator="cpu")
    server.run(port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False)
