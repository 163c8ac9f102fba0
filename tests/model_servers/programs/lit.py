"""A classifier of irises behind LitServe."""
import sys

import litserve
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression


class Irises(litserve.LitAPI):
    def setup(self, device):
        irises = load_iris()
        self.names = irises.target_names
        self.model = LogisticRegression(max_iter=1000).fit(irises.data, irises.target)

    def decode_request(self, request):
        return request["sizes"]

    def predict(self, sizes):
        return self.names[self.model.predict([sizes])[0]]

    def encode_response(self, name):
        return {"name": str(name)}


if __name__ == "__main__":
    server = litserve.LitServer(Irises(), accelerator="cpu")
    server.run(port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False)
