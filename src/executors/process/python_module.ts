/**
 * The part of the node's own Python programs that imports a user's file and calls what is in it.
 *
 * @module
 */

/** Its source. Called from outside: all but `is_own()` and `is_of_platform()`. */
export const PYTHON_MODULE = `
def import_file(path):
    """Imports a file, which finds what lies beside it and in the current folder."""
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    sys.path.append(os.getcwd())
    sys.argv = [path]
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def shown(problem):
    """An exception as Python shows it, without the parts of this program in its traceback."""
    trace = problem.__traceback__
    while trace is not None and is_own(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return traceback.format_exception(type(problem), problem, trace)


def is_own(path):
    return path == __file__ or path.startswith("<frozen importlib")


def taken(signature, params):
    """The params, without what the platform adds unless the function takes it."""
    parameters = signature.parameters.values()
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters)
    return {key: value for key, value in params.items()
            if takes_all or key in signature.parameters or not is_of_platform(key)}


def is_of_platform(key):
    return key == "workload_uuid" or key.startswith("cyberwave_")


async def wait_for(awaitable):
    return await awaitable
`;
