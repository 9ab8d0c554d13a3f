"""Runs the examples of documentation pages, each page against a fresh demo: docs-examples.py PROGRAM PAGE...

The fenced blocks of a page run in their order and in one shell: `sh` as it stands, `js` with node, which sees the
shell's WEALD and TOKEN as `weald` and `token`. A `json` or `text` block is what the block before it prints, and `…` in it
stands for what varies: any value, any text within a line, further members ("…": "…"), further elements at an array's end.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WHERE = "http://127.0.0.1:8080"  # Where the pages have the demo.
FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)^```$", re.M)
JS = "const { WEALD: weald, TOKEN: token } = process.env;\n"


def run_page(program: str, page: str) -> None:
    text = Path(page).read_text()
    blocks = [(text.count("\n", 0, fence.start()) + 1, fence[1], fence[2]) for fence in FENCE.finditer(text)]
    with tempfile.TemporaryDirectory() as folder:
        url, demo = start_demo(program, folder)
        try:
            ran = run(blocks, url, folder, page)
        finally:
            demo.terminate()
            demo.wait()
    print(f"{page}: {ran} examples do as the page says.")


def run(blocks: list[tuple[int, str, str]], url: str, folder: str, page: str) -> int:
    script = ["set -euo pipefail -o allexport", f"cd {folder}"]
    for line, language, body in blocks:
        if language == "sh":
            Path(folder, f"{line}.sh").write_text(body.replace(WHERE, url))
            command = f". ./{line}.sh"
        elif language == "js":
            Path(folder, f"{line}.mjs").write_text(JS + body)
            command = f"node {line}.mjs"
        elif language in ("json", "text"):
            continue
        else:
            sys.exit(f"{page}:{line}: a block is sh, js, json or text, not {language or 'nothing'}")
        script.append(f"{{ echo {line} >at; {command}; }} >{line}.out 2>{line}.err </dev/null")
    done = subprocess.run(["bash", "-c", "\n".join(script)], timeout=120)
    if done.returncode:
        at = Path(folder, "at").read_text().strip()
        said = [Path(folder, f"{at}.{end}").read_text() for end in ("out", "err")]
        sys.exit(f"{page}:{at}: the example fails with status {done.returncode}:\n" + "".join(said))
    example = None
    for line, language, body in blocks:
        if language in ("sh", "js"):
            example = line
            continue
        if example is None:
            sys.exit(f"{page}:{line}: no example prints this")
        said = Path(folder, f"{example}.out").read_text()
        if not (is_json(body, said) if language == "json" else is_text(body, said)):
            sys.exit(f"{page}:{line}: the example was to print\n\n{body}\nand it prints\n\n{said}")
        example = None
    return len(script) - 2


def is_json(expected: str, said: str) -> bool:
    try:
        return is_value(json.loads(expected), json.loads(said))
    except json.JSONDecodeError as error:
        print(error, file=sys.stderr)
        return False


def is_value(expected: object, said: object) -> bool:
    if expected == "…":
        return True
    if isinstance(expected, dict) and isinstance(said, dict):
        named = {name: value for name, value in expected.items() if name != "…"}
        whole = "…" in expected or named.keys() == said.keys()
        return whole and all(name in said and is_value(value, said[name]) for name, value in named.items())
    if isinstance(expected, list) and isinstance(said, list):
        if expected[-1:] == ["…"]:
            expected = expected[:-1]
            said = said[: len(expected)]
        return len(expected) == len(said) and all(map(is_value, expected, said))
    return expected == said and type(expected) is type(said)


def is_text(expected: str, said: str) -> bool:
    pattern = re.escape(expected.strip()).replace("…", ".*")
    return re.fullmatch(pattern, said.replace("\r", "").strip()) is not None


def start_demo(program: str, folder: str) -> tuple[str, subprocess.Popen[bytes]]:
    welcome = Path(folder, "welcome")
    with welcome.open("wb") as out:
        demo = subprocess.Popen([program, "demo", "--data-dir", f"{folder}/demo", "--listen", "127.0.0.1:0"], stdout=out)
    for _ in range(600):
        url = re.search(r"^Swagger UI: (\S+)/docs/$", welcome.read_text(), re.M)
        if url and subprocess.run([program, "health", "--listen", url[1].removeprefix("http://")], capture_output=True).returncode == 0:
            return url[1], demo
        if demo.poll() is not None:
            break
        time.sleep(0.1)
    demo.terminate()
    sys.exit("The demo does not start.")


for each in sys.argv[2:]:
    run_page(str(Path(sys.argv[1]).resolve()), each)
