#!/usr/bin/env python3
"""Runs both columns of docs/pytorch.md and compares the values of each row.

    scripts/check_pytorch_page.py --python PYTHON [--build build]

PYTHON has torch and safetensors. The rows of all tables make one program in each language. The value of a row is that of its expression, or of
the variable that it sets; images and filters are compared in the layout [N, H, W, C]. Needs a build with Ninja, whose flags it takes.
"""

import argparse
import ast
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOLERANCE = 1e-5
ROW = re.compile(r"^\| `(.+)` \| `(.+)` \|$", re.M)
EXAMPLE = "tensor"  # compiled and linked as the program is

# Of each row: a list of numbers and the shape, or null.
PYTHON = """
def described(value):
    if isinstance(value, torch.Size):
        return {"shape": [], "values": list(value)}
    if isinstance(value, torch.Tensor):
        value = value.detach()
        value = value.permute(0, 2, 3, 1) if value.dim() == 4 else value
        return {"shape": list(value.shape), "values": [float(x) for x in value.flatten().tolist()]}
    if isinstance(value, (bool, int, float)):
        return {"shape": [], "values": [float(value)]}
    if isinstance(value, (tuple, list)) and value:
        parts = [described(part) for part in value]
        return {"shape": [], "values": [x for part in parts for x in part["values"]]} if all(parts) else None
    return None

results = []
"""
CPP = """
#include <cstdio>

namespace {

void show(const std::vector<double>& values, const std::vector<std::int64_t>& shape = {}) {
  std::printf("{\\"shape\\": [");
  for (std::size_t i = 0; i < shape.size(); ++i) std::printf("%s%lld", i ? ", " : "", static_cast<long long>(shape[i]));
  std::printf("], \\"values\\": [");
  for (std::size_t i = 0; i < values.size(); ++i) std::printf("%s%.9g", i ? ", " : "", values[i]);
  std::printf("]}\\n");
}
void show(double value) { show(std::vector<double>{value}); }
void show(const Shape& shape) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < shape.rank(); ++i) values.push_back(static_cast<double>(shape[i]));
  show(values);
}
void show(const Tensor& x) {
  std::vector<std::int64_t> shape;
  for (std::int64_t i = 0; i < x.rank(); ++i) shape.push_back(x.dim(i));
  show(x.to_vector(), shape);
}
void show(const Tensors& tensors) {
  std::vector<double> values;
  for (const Tensor& x : tensors) {
    for (const double value : x.to_vector()) values.push_back(value);
  }
  show(values);
}
void show(const std::vector<std::string>&) { std::printf("null\\n"); }  // names are not compared
void show(const TopK& top) { show(Tensors{top.values, top.indices}); }

// Shows the value of an expression, if it has one.
template <class Expression>
void run(const Expression& expression) {
  if constexpr (std::is_void_v<decltype(expression())>) {
    expression();
    std::printf("null\\n");
  } else {
    show(expression());
  }
}

}  // namespace

int main() {
"""


def read_page():
    text = (ROOT / "docs" / "pytorch.md").read_text(encoding="utf-8")
    rows = ROW.findall(text)
    lines = sum(line.startswith("| `") for line in text.split("\n"))
    if len(rows) != lines or not rows:
        sys.exit(f"docs/pytorch.md: {lines - len(rows)} rows are not of the form | `PYTHON` | `C++` |")
    preludes = {language: re.search(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)[1] for language in ("python", "cpp")}
    return rows, preludes


def python_row(code):
    """The statements of a row, with a line that notes its value, and the name of the variable that it sets."""
    body = ast.parse(code).body
    last = body[-1]
    if isinstance(last, ast.Expr):
        before = "\n".join(ast.unparse(statement) for statement in body[:-1])
        return f"{before}\nresults.append(described({ast.unparse(last)}))", None
    if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
        return f"{code}\nresults.append(described({last.targets[0].id}))", last.targets[0].id
    return f"{code}\nresults.append(None)", None


def run_python(python, rows, prelude, folder):
    parts = [prelude, PYTHON, *(python_row(code)[0] for code, _ in rows), "import json", "print(json.dumps(results))"]
    file = folder / "rows.py"
    file.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return json.loads(subprocess.run([python, file], check=True, capture_output=True, text=True, cwd=folder).stdout)


def cpp_row(code, name, has_value):
    *before, last = [part.strip() for part in code.split(";") if part.strip()] if "{ " not in code else [code]
    lines = [part + ";" for part in before]
    is_variable = name and re.match(rf"(?:const )?Tensor {name} =", last)
    if name or not has_value and not re.match(r"[\w.]+\(", last) or last.startswith("for "):
        return [*lines, last.rstrip(";}") + (";}" if last.endswith("}") else ";"), f"show({name});" if is_variable else 'std::printf("null\\n");']
    return [*lines, f"run([&] {{ return {last}; }});"]


def compile_cpp(build, source, program):
    commands = subprocess.run(["ninja", "-C", build, "-t", "commands", f"example_{EXAMPLE}"], check=True, capture_output=True, text=True).stdout.split("\n")
    example = f"examples/CMakeFiles/example_{EXAMPLE}.dir/{EXAMPLE}.cpp.o"
    compile_command = next(line for line in commands if f"-o {example} " in line)
    link_command = next(line for line in commands if f"-o bin/examples/{EXAMPLE} " in line)
    words = [str(source) if word.endswith(f"/examples/{EXAMPLE}.cpp") else word for word in shlex.split(compile_command)]
    words = [str(program) + ".o" if word == example else str(program) + ".d" if word == example + ".d" else word for word in words]
    subprocess.run([*words, "-w"], check=True, cwd=build)
    link = link_command.removeprefix(": && ").removesuffix(" && :")
    words = [str(program) + ".o" if word == example else str(program) if word == f"bin/examples/{EXAMPLE}" else word for word in shlex.split(link)]
    subprocess.run(words, check=True, cwd=build)


def run_cpp(build, rows, prelude, values, folder):
    lines = [prelude, CPP]
    for (python, cpp), value in zip(rows, values):
        lines += cpp_row(cpp, python_row(python)[1], value is not None)
    source, program = folder / "rows.cpp", folder / "rows"
    source.write_text("\n".join(lines) + "\n}\n", encoding="utf-8")
    compile_cpp(build, source, program)
    output = subprocess.run([program], check=True, capture_output=True, text=True, cwd=folder).stdout
    return [json.loads(line) for line in output.strip().split("\n")]


def differ(expected, found):
    shapes = [side["shape"] if len(side["values"]) != 1 else [] for side in (expected, found)]  # a number may be a scalar or [1]
    if shapes[0] != shapes[1] or len(expected["values"]) != len(found["values"]):
        return True
    return any(not abs(a - b) <= TOLERANCE * max(1, abs(a)) for a, b in zip(expected["values"], found["values"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="an interpreter with torch and safetensors")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    options = parser.parse_args()
    rows, preludes = read_page()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        expected = run_python(options.python, rows, preludes["python"], folder)
        found = run_cpp(options.build.resolve(), rows, preludes["cpp"], expected, folder)
    compared = faults = 0
    for (python, cpp), a, b in zip(rows, expected, found, strict=True):
        if a is None or b is None:
            continue
        compared += 1
        if differ(a, b):
            faults += 1
            print(f"{python}: {a}\n{cpp}: {b}")
    print(f"{len(rows)} rows run, {compared} values compared, {faults} differ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
