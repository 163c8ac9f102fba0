"""A classifier of handwritten digits, trained when it is loaded."""
from sklearn.datasets import load_digits
from sklearn.svm import SVC

TRAINED_WITH = 1000


def setup():
    global model, pixels, digits
    pixels, digits = load_digits(return_X_y=True)
    model = SVC(gamma=0.001).fit(pixels[:TRAINED_WITH], digits[:TRAINED_WITH])
    with open("loads", "a") as file:
        file.write("loaded\n")


def infer(images=None, **params):
    if images is not None:
        return model.predict(images)
    rest = slice(TRAINED_WITH, None)
    return {"accuracy": model.score(pixels[rest], digits[rest]), "classes": model.classes_}
