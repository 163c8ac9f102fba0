"""A predictor of Cog."""
import time

from cog import BasePredictor, Input


class Predictor(BasePredictor):
    def setup(self):
        self.factor = 2

    def predict(self, x: float = Input(), seconds: float = Input(default=0)) -> float:
        if x < 0:
            raise ValueError("x must not be negative")
        if seconds > 0:
            with open("began", "w") as began:
                began.write("yes\n")
        # A cancel is an exception between two instructions: one that sleeps for long is not reached.
        for _ in range(round(seconds * 100)):
            time.sleep(0.01)
        return x * self.factor
