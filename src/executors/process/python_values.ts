/**
 * The part of the node's own Python programs that writes what a function returns as JSON.
 *
 * @module
 */

/** Its source. `json_of(result, folder)` is what is called from outside. */
export const PYTHON_VALUES = `
def json_of(result, folder=None):
    """What a function returned as JSON. With a folder, images, bytes and files are left there."""
    text = json.dumps(with_plain_keys(result), default=lambda value: plain(value, folder))
    if "NaN" in text or "Infinity" in text:  # JSON has no such numbers.
        text = json.dumps(json.loads(text, parse_constant=lambda name: None))
    return text


def with_plain_keys(value):
    """The value with the numbers of NumPy that are keys in it as those of Python."""
    if type(value) is dict:
        return {key.item() if hasattr(key, "item") else key: with_plain_keys(each)
                for key, each in value.items()}
    return [with_plain_keys(each) for each in value] if type(value) in (list, tuple) else value


def plain(value, folder):
    """What stands in JSON for a value that JSON has no word for."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes_as_text(bytes(value), "output.bin", folder)
    if hasattr(value, "save") and hasattr(value, "getbands"):  # Images of PIL.
        stream = io.BytesIO()
        value.save(stream, format="PNG")
        return bytes_as_text(stream.getvalue(), "output.png", folder)
    if hasattr(value, "tolist"):  # Arrays and numbers of NumPy, tensors of PyTorch.
        return with_plain_keys(value.tolist())
    if hasattr(value, "numpy"):  # Tensors of TensorFlow.
        return value.numpy()
    if isinstance(value, os.PathLike):
        return path_as_text(os.fspath(value), folder)
    if hasattr(value, "model_dump"):  # Models of Pydantic.
        return with_plain_keys(value.model_dump())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return with_plain_keys({field.name: getattr(value, field.name) for field in fields})
    if isinstance(value, (set, frozenset)):
        return with_plain_keys(list(value))
    if hasattr(value, "isoformat"):  # Dates and times.
        return value.isoformat()
    raise TypeError(f"there is a {type(value).__name__} in it")


def bytes_as_text(data, name, folder):
    """The name of a new file in the folder, or base64."""
    if folder is None:
        return base64.b64encode(data).decode()
    file, name = new_file(folder, name)
    with file:
        file.write(data)
    return name


def path_as_text(path, folder):
    """The name of a file in the folder, of a copy of it there, or the path of anything else."""
    if folder is None or not os.path.isfile(path):
        return path
    root, place = os.path.realpath(folder), os.path.realpath(path)
    if place.startswith(root + os.sep):
        return os.path.relpath(place, root).replace(os.sep, "/")
    file, name = new_file(folder, os.path.basename(path))
    with file, open(path, "rb") as source:
        shutil.copyfileobj(source, file)
    return name


def new_file(folder, name):
    """A file in the folder, over none that is there: output.png, output-2.png and so on."""
    os.makedirs(folder, exist_ok=True)
    stem, extension = os.path.splitext(name)
    for count in itertools.count(1):
        candidate = name if count == 1 else f"{stem}-{count}{extension}"
        try:
            return open(os.path.join(folder, candidate), "xb"), candidate
        except FileExistsError:
            pass
`;
