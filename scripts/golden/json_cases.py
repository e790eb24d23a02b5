"""Writes golden files of cases: {"kind": [case, ...], ...}, one line a case."""

import json
import pathlib


def write_cases(name, golden):
    path = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / name
    with open(path, "w", encoding="utf-8") as out:
        for i, (kind, cases) in enumerate(golden.items()):
            lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases)
            out.write(f'{"," if i else "{"}\n"{kind}": [\n{lines}\n]')
        out.write("\n}\n")
    print(path.name, path.stat().st_size, "bytes")
