"""Tests what the site is made with: the comments of headers for Doxygen, links to files, the check of links, and the reference of operations.
ctest runs it; by hand: python3 tests/scripts/site_test.py"""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "site")]

import check_pytorch_page  # noqa: E402
import check_site  # noqa: E402
import doxygen_comments  # noqa: E402
import ops_reference  # noqa: E402

# What it is about, a header, and what Doxygen reads.
COMMENTS = [
    ("the first comment is the file's", "// A file.\n\nnamespace a {", "/// @file\n/// A file.\n\nnamespace a {"),
    ("a comment over a declaration", "#pragma once\n// Adds.\nint f(int x);", "#pragma once\n/// Adds.\nint f(int x);"),
    ("a comment before an empty line is about no declaration", "#pragma once\n// Below:\n\nint f();", "#pragma once\n\nint f();"),
    ("functions of a namespace share a comment", "#pragma once\n// Both.\nint f();\nint g();", "#pragma once\n/// Both.\nint f();\n/// Both.\nint g();"),
    ("members of a class do not", "struct A {\n  // One.\n  int f();\n  int g();\n};", "struct A {\n  /// One.\n  int f();\n  int g();\n};"),
    ("behind a member, with a second line", "struct A {\n  int x;  // one\n          // two\n};", "struct A {\n  int x;\n  ///< one\n  ///< two\n};"),
    ("no comments in a body", "#pragma once\nint f() {\n  // why\n  return 1;  // what\n}", "#pragma once\nint f() {\n  // why\n  return 1;  // what\n}"),
    ("indented lines are a formula", "#pragma once\n// F:\n//\n//   y <- x\n//\n// Then.\nint f();",
     "#pragma once\n/// F:\n///\n/// @verbatim\n/// y <- x\n///\n/// @endverbatim\n/// Then.\nint f();"),
    ("Doxygen's signs are escaped, code is code", "#pragma once\n// a < b, `c#d`\nint f();", "#pragma once\n/// a \\< b, <tt>c\\#d</tt>\nint f();"),
    ("a linter's notes are left out", "#pragma once\n// Text.\n// NOLINTNEXTLINE: why\nint f();", "#pragma once\n/// Text.\nint f();"),
]

HEADER = """// Rules.
#pragma once

namespace osteon {

// --- sums ----

// About sums.

// x + y,
//
//   for each element.
inline Tensor add(const Tensor& x, const Tensor& y) { return x; }
inline Tensor sub(const Tensor& x, const Tensor& y) {
  return x;
}
// Options.
struct Options {
  int k = 1;  // a number
};
}  // namespace osteon
"""

# Pages, and the faults of their links.
SITES = [
    ({"a.html": '<a href="b.html#x">b</a>', "b.html": '<p id="x">'}, []),
    ({"a.html": '<a href="c.html">c</a>'}, ["a.html: c.html does not exist"]),
    ({"a.html": '<a href="b.html#y">b</a>', "b.html": ""}, ["a.html: b.html#y has no such anchor"]),
    ({"a.html": '<img src="c.png">'}, ["a.html: c.png does not exist"]),
    ({"d/a.html": '<a href="../../b.html">out of the site</a>'}, ["d/a.html: ../../b.html does not exist"]),
    ({"a.html": '<a href="https://example.org/">another site</a> <a href="#">top</a>'}, []),
]


class SiteTest(unittest.TestCase):
    def test_comments(self):
        for what, header, expected in COMMENTS:
            with self.subTest(what):
                self.assertEqual(doxygen_comments.filtered(header), expected)

    def test_links(self):
        for pages, expected in SITES:
            with self.subTest(pages), tempfile.TemporaryDirectory() as name:
                site = pathlib.Path(name).resolve() / "site"
                for page, text in pages.items():
                    (site / page).parent.mkdir(parents=True, exist_ok=True)
                    (site / page).write_text(text)
                self.assertEqual(check_site.link_faults(site, sorted(site.rglob("*.html")))[0], expected)

    def test_requests_to_other_hosts(self):
        site = pathlib.Path("/site")
        events = [{"method": "Network.requestWillBeSent", "params": {"request": {"url": url}}}
                  for url in ("file:///site/a.css", "data:image/png;base64,", "https://example.org/a.js", "file:///etc/passwd")]
        self.assertEqual(list(check_site.event_faults(events, site)), ["asks for https://example.org/a.js", "asks for file:///etc/passwd"])

    def test_header_of_operations(self):
        (_, rules, _), (title, about, entries) = ops_reference.read_header(HEADER)
        self.assertEqual((rules, title, about), (["Rules."], "sums", ["About sums.", ""]))
        self.assertEqual([entry.operations or entry.types for entry in entries], [["add", "sub"], ["Options"]])
        self.assertEqual(entries[0].code, ["Tensor add(const Tensor& x, const Tensor& y);", "Tensor sub(const Tensor& x, const Tensor& y);"])
        self.assertEqual(ops_reference.prose(entries[0].comment), ["x + y,", "", "```text", "for each element.", "```", ""])

    def test_rows_of_the_pytorch_page(self):
        for python, cpp, value, expected in [
                ("x = 1", "Tensor x = f(1)", True, ["Tensor x = f(1);", "show(x);"]),
                ("f(x)", "f(x)", True, ["run([&] { return f(x); });"]),
                ("layer = Linear(1)", "Linear layer(1)", False, ["Linear layer(1);", 'std::printf("null\\n");']),
                ("f(x)", "g(x); f(x)", True, ["g(x);", "run([&] { return f(x); });"])]:
            with self.subTest(cpp):
                self.assertEqual(check_pytorch_page.cpp_row(cpp, check_pytorch_page.python_row(python)[1], value), expected)
        self.assertFalse(check_pytorch_page.differ({"shape": [], "values": [1.0]}, {"shape": [1], "values": [1.000001]}))
        self.assertTrue(check_pytorch_page.differ({"shape": [2, 1], "values": [1.0, 2.0]}, {"shape": [1, 2], "values": [1.0, 2.0]}))
        self.assertTrue(check_pytorch_page.differ({"shape": [], "values": [float("nan")]}, {"shape": [], "values": [1.0]}))


if __name__ == "__main__":
    unittest.main()
