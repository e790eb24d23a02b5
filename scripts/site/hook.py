"""MkDocs hook: links from a page to a file of the repository that is no page lead to a page that shows the file."""

import html
import pathlib
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.M | re.S)
LANGUAGES = {".cpp": "cpp", ".h": "cpp", ".cu": "cpp", ".cuh": "cpp", ".py": "python", ".sh": "bash", ".cmake": "cmake", ".csv": "text"}
MAX_BYTES = 200_000


def outside_fences(text, change):
    """The text with change() applied to what is not code."""
    result, position = [], 0
    for fence in FENCE.finditer(text):
        result += [change(text[position:fence.start()]), fence[0]]
        position = fence.end()
    return "".join(result) + change(text[position:])


def repository_path(page, link):
    """The file of the repository that a relative link of a page names, or None."""
    if re.match(r"[a-z]+:|/", link):
        return None
    path = (ROOT / pathlib.PurePosixPath(page).parent / link).resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) and path.is_file() else None


def shown(path):
    """The page of a file."""
    text = (ROOT / path).read_text(encoding="utf-8")[:MAX_BYTES]
    language = LANGUAGES.get(pathlib.Path(path).suffix, "text")
    return f"# `{path}`\n\n`````{language}\n{text.rstrip()}\n`````\n"


ROOMS = ("base", "tensor", "comm", "ops", "nn", "optim", "interop", "data", "eval", "train")
NAVIGATION = {
    "Osteon": ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/map.md", "docs/glossary.md"],
    "Book": ["docs/book/README.md", "docs/book/[0-9]*.md"],
    "Use": ["docs/data.md", "docs/models.md", "docs/distributed.md", "docs/slurm.md", "docs/pytorch.md"],
    "Operations": ["docs/ops.md"],
    "API": ["api/index.md", *(f"api/{room}/{depth}.md" for room in ROOMS for depth in ("*", "*/*"))],
    "Evidence": ["docs/results.md", "docs/performance.md", "docs/verification.md", "docs/gpu/README.md", "docs/*.md"],
}


def on_config(config):
    """The sections of the site: the pages that exist, each in the first section that names it. Headers are grouped by their room."""
    pages, seen = pathlib.Path(config.docs_dir), set()
    named = {path for patterns in NAVIGATION.values() for path in patterns}
    config.nav = []
    for section, patterns in NAVIGATION.items():
        entries, rooms = [], {}
        for pattern in patterns:
            for path in sorted(pages.glob(pattern)):
                name = path.relative_to(pages).as_posix()
                if name in seen or "*" in pattern and name in named:
                    continue
                seen.add(name)
                if name.startswith("api/") and name.count("/") > 1:
                    rooms.setdefault(name.split("/")[1] + "/", []).append(name)
                else:
                    entries.append(name)
        entries += [{room: sorted(names)} for room, names in rooms.items()]
        if entries:
            config.nav.append({section: entries})
    return config


def source_page(path):
    return f"source/{path}.md"


def on_files(files, config):
    known = {file.src_uri for file in files}
    wanted = set()
    for file in files.documentation_pages():
        def collect(text, page=file.src_uri):
            for image, _, link, _ in LINK.findall(text):
                path = repository_path(page, link)
                if path and not image and path not in known:
                    wanted.add(path)
            return text
        outside_fences(file.content_string, collect)
    for path in sorted(wanted):
        files.append(File.generated(config, source_page(path), content=shown(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    here = page.file.src_uri
    if here.startswith("source/"):
        page.meta["search"] = {"exclude": True}
        return markdown

    def rewrite(match):
        path = repository_path(here, match[3])
        if match[1] or not path or files.get_file_from_path(path) or not files.get_file_from_path(source_page(path)):
            return match[0]
        return f"[{match[2]}]({'../' * here.count('/')}{source_page(path)})"
    return outside_fences(markdown, lambda text: LINK.sub(rewrite, text))
