"""A report as HTML, PDF, CSV, LaTeX and zip."""

from __future__ import annotations

import csv
import functools
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pypdf
import pytest
from reported import Page, here, pdf_text, tables, told
from runs_that_err import run_that_errs

from digitcore.analysis.classification import wilson
from digitcore.reports import html_file, pdf_file, report, table_files
from digitcore.reports.document import Column, Document, Section, Table
from digitcore.runs import Run

Like = Callable[..., Run]
HOSTILE = """<script>alert(1)</script> "q" & $x_1$ 50% #1 \\end{table} ~^"""


@pytest.fixture
def like(finished: str, small_data: Path) -> Like:
    return functools.partial(run_that_errs, finished, small_data)


def test_the_page_has_every_table_and_picture_and_asks_no_network(like: Like) -> None:
    document = told(like("aaaa", 12))
    page = Page(html_file.to_html(document))
    assert page.open == []
    expected = [
        row
        for one in document.tables
        for row in ([column.heading for column in one.columns], *one.cells())
    ]
    assert page.rows == expected
    kinds = [tag for tag, _ in page.tags]
    assert kinds.count("img") == 4
    assert not {"script", "link", "iframe", "object"} & set(kinds)
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            address = attributes.get(name) or "#"
            assert address.startswith(("data:", "#")), address
            if address.startswith("#") and len(address) > 1:
                assert address[1:] in [a.get("id") for _, a in page.tags]
        assert tag != "img" or attributes["alt"]
    assert "url(" not in html_file.to_html(document).decode()
    assert all(f"Table {n}." in page.text for n in range(1, len(document.tables) + 1))


def test_the_pdf_has_the_text_to_select_and_breaks_tables_over_pages(like: Like) -> None:
    document = told(like("aaaa", 12))
    content = pdf_file.to_pdf(document)
    text = pdf_text(content)
    for section in document.sections:
        assert section.title in text
    for one in document.tables:
        for row in one.cells()[:5]:
            assert " ".join(" ".join(row).split()) in text
    assert "python -m digitcore train --recipe recipe.toml" in text
    reader = pypdf.PdfReader(io.BytesIO(content))
    assert len(reader.pages) > 2
    assert [str(one["/Title"]) for one in reader.outline] == [s.title for s in document.sections]
    assert sum(len(page.images) for page in reader.pages) == 4


def test_a_long_table_has_its_headings_on_each_page() -> None:
    rows = [[f"row {number}", number] for number in range(120)]
    table = Table("long", "Long.", [Column("name", ("name",)), Column("n", ("n",))], rows)
    reader = pypdf.PdfReader(
        io.BytesIO(pdf_file.to_pdf(Document("t", "s", 0, [Section("One", [table])])))
    )
    pages = [" ".join(page.extract_text().split()) for page in reader.pages]
    assert len(pages) > 1
    assert all("name n row" in page for page in pages)
    assert "row 119 119" in pages[-1]


def test_long_text_beside_many_numbers_gets_the_room_that_they_leave() -> None:
    numbers = [Column(f"number {n}", (f"n{n}",), number=True) for n in range(8)]
    rows = [["one", *range(8), "word " * 60], ["two", *range(8), "other words " * 30]]
    table = Table(
        "t", "Caption.", [Column("run", ("run",)), *numbers, Column("text", ("text",))], rows
    )
    file = pdf_file.to_pdf(Document("D", "", 0.0, [Section("S", [table])]))
    (page,) = pypdf.PdfReader(io.BytesIO(file)).pages
    lines = [line for line in page.extract_text().splitlines() if "word" in line]
    assert len(lines) < 40


def test_equal_runs_give_equal_bytes(like: Like) -> None:
    run = like("aaaa", 12)
    assert report.files(told(run)) == report.files(told(run))


def test_csv_has_values_that_pandas_reads_back(like: Like) -> None:
    for table in told(like("aaaa", 12)).tables:
        frame = pd.read_csv(io.BytesIO(table_files.to_csv(table)), keep_default_na=False)
        assert list(frame.columns) == [n for column in table.columns for n in column.names]
        assert len(frame) == len(table.rows)
    frame = pd.read_csv(io.BytesIO(table_files.to_csv(tables(told(like("bbbb", 4)))["classes"])))
    assert frame["recall"].tolist() == [0.75] * 4 + [1.0] * 6
    ends = wilson(3, 4)
    assert frame.loc[0, ["recall_low", "recall_high"]].tolist() == pytest.approx(ends)


def balanced(source: str) -> bool:
    """Whether braces that are not escaped open and close."""
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", source):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def test_latex_is_a_booktabs_table_with_as_many_cells_in_each_row(like: Like) -> None:
    for table in told(like("aaaa", 12)).tables:
        source = table_files.to_latex(table).decode()
        assert balanced(source)
        assert re.findall(r"\\(begin|end)\{(\w+)\}", source) == [
            *(("begin", "table"), ("begin", "tabular")),
            *(("end", "tabular"), ("end", "table")),
        ]
        kinds = re.search(r"\\begin\{tabular\}\{([lr]+)\}", source)
        assert kinds
        assert len(kinds.group(1)) == len(table.columns)
        body = source.split(r"\toprule")[1].split(r"\bottomrule")[0]
        lines = [line for line in body.splitlines() if line.rstrip().endswith(r"\\")]
        assert len(lines) == 1 + len(table.rows)
        for line in lines:
            assert len(re.findall(r"(?<!\\)&", line)) == len(table.columns) - 1


def test_what_a_person_typed_is_text_in_every_format(like: Like, tmp_path: Path) -> None:
    run, other = like("aaaa", 12), like("bbbb", 8, epochs=3)
    run.update(title=HOSTILE)
    for chosen in ((run,), (run, other)):
        document = report.document(chosen, here)
        page = html_file.to_html(document)
        assert HOSTILE in Page(page).text
        assert b"<script" not in page
        assert HOSTILE in pdf_text(pdf_file.to_pdf(document))
        for table in document.tables:
            assert balanced(table_files.to_latex(table).decode())
            for row in csv.reader(io.StringIO(table_files.to_csv(table).decode())):
                assert len(row) == sum(len(column.names) for column in table.columns)
    table = tables(document)["comparison-test"]
    source = table_files.to_latex(table).decode()
    escaped = (
        r"\textless{}script\textgreater{}alert(1)\textless{}/script\textgreater{} "
        r'"q" \& \$x\_1\$ 50\% \#1 \textbackslash{}end\{table\} \textasciitilde{}\textasciicircum{}'
    )
    assert escaped in source
    frame = pd.read_csv(io.BytesIO(table_files.to_csv(table)))
    assert frame["run"][0] == f"{HOSTILE} · aaaa"


def test_latex_breaks_long_text_and_a_table_longer_than_a_page() -> None:
    heads = [
        Column("run", ("run",)),
        Column("text & %", ("text",)),
        Column("n", ("n",), number=True),
    ]
    rows = [[f"run_{n}", "a word · " * 20, n] for n in range(60)]
    source = table_files.to_latex(Table("t", "50 % ± 1 of A_b", heads, rows)).decode()
    assert balanced(source)
    assert r"\begin{longtable}{lp{0.6\linewidth}r}" in source
    assert (
        source.count(r"run & text \& \% & n \\") == 2
    )  # on the first page, and on each that follows
    assert r"\caption{50 \% $\pm$ 1 of A\_b}\label{tab:t}" in source
    body = source.split(r"\endfoot")[1]
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(lines) == 60
    assert all(len(re.findall(r"(?<!\\)&", line)) == 2 for line in lines)
    short = table_files.to_latex(Table("t", "c", heads, rows[:40])).decode()
    assert r"\begin{tabular}{lp{0.6\linewidth}r}" in short


def test_a_row_that_begins_with_a_bracket_is_no_argument_of_the_row_before() -> None:
    table = Table("t", "c", [Column("[a]", ("a",)), Column("b", ("b",))], [["[1]", "*"], ["*", 2]])
    rows = [line for line in table_files.to_latex(table).decode().splitlines() if " & " in line]
    assert [row.strip() for row in rows] == [r"{}[a] & b \\", r"{}[1] & * \\", r"{}* & 2 \\"]


def test_nothing_in_it_names_a_folder_or_a_person(
    like: Like, small_data: Path, tmp_path: Path
) -> None:
    run = like("aaaa", 12)
    values = json.loads((run.path / "metrics.json").read_text())
    values |= {"data_notice": f"the files from {small_data}", "data_source": str(small_data)}
    (run.path / "metrics.json").write_text(json.dumps(values))
    made = report.files(told(run))
    text = "".join(made[name].decode() for name in made if not name.endswith(".pdf"))
    for content in (text, pdf_text(made["report.pdf"])):
        assert "These are not MNIST's own images." in content.replace("&#39;", "'")
        assert str(tmp_path) not in content
        assert small_data.name not in content
        assert str(Path.home()) not in content


def test_the_zip_holds_the_same_files_in_one_folder(like: Like) -> None:
    run = like("aaaa", 12)
    made = report.files(told(run))
    with zipfile.ZipFile(io.BytesIO(report.to_zip(told(run), "report-x"))) as archive:
        assert archive.namelist() == [f"report-x/{name}" for name in made]
        assert archive.read("report-x/report.pdf") == made["report.pdf"]
