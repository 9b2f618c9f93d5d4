"""`inspect --format` through skopeo and regcopy: what is filled in is the same byte for byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.samples import single_image, write_layout
from tests.command_line import Ended, run_cli
from tests.programs import require_program

FILLED: Final = (
    "{{.Name}}",
    "{{.Created}}",
    "{{range .Layers}}{{.}} {{end}}",
    "{{break}}",
    "{{slice .Os 1 2}}",
    '{{print 1 2 "a" "b" 3}}',
    "{{println 1}}",
    "{{1.5}}",
    "{{'a'}}",
    "{{0x1F}}",
    "{{true}}",
    "{{len .Os}}",
    '{{index .Labels "a"}}',
    r"a\nb",
    "{{/* c */}}x",
    "{{- 1 -}} y",
    "a {{- 1 }}",
    "{{ -1 }}",
    "{{-1}}",
    "{{if .Os}}y{{else}}n{{end}}",
    '{{if eq .Os "linux" "x"}}y{{else if ne 1 2}}n{{end}}',
    '{{if eq .Os "x"}}y{{else if ne 1 2}}n{{else}}z{{end}}',
    "{{with .Labels}}{{.}}{{else}}n{{end}}",
    "{{range $i, $e := .Layers}}{{$i}}={{$e}},{{else}}none{{end}}",
    "{{range $k, $v := .Labels}}{{$k}}={{$v}}{{end}}",
    '{{$x := .Os}}{{$x = "q"}}{{$x}}',
    '{{ .Os | printf "%s-%s" "a" }}',
    '{{eq .Digest "x"}}',
    "{{lt 1 2}}",
    "{{and .Os .Name}}",
    "{{or .Name .Os}}",
    "{{not .Name}}",
    "{{len .Layers}}",
    "{{index .Layers 0}}",
    "{{(index .Layers 0)}}",
    "{{(len .Layers) | print}}",
    '{{printf "%d %5d %-5d| %05d %x %X %o %b %c %U %q" 1 2 3 4 255 255 8 5 65 66 67}}',
    '{{printf "%s %q %v %x %10s %-10s| %.2s" "a" "b" "c" "d" "e" "f" "ghi"}}',
    '{{printf "%t %v" true false}}',
    '{{printf "%f %.2f %e %g" 1.5 2.555 3.0 1e21}}',
    '{{printf "%%"}}',
    '{{printf "%+d % d %+q %#x %#q" 1 2 "é" 255 "a`b"}}',
    '{{printf "%v %+v" .Labels .Labels}}',
    '{{printf "%q" .Layers}}',
    '{{printf "%s" .Layers}}',
    '{{printf "%x" .Os}}',
    "{{print .Labels}}",
    "{{print nil}}",
    "{{print 1.0}}",
    "{{print 1e6}}",
    "{{1e100}}",
    "{{.Labels.foo}}",
    '{{index .Labels "org.example.sample"}}',
    "{{.Labels.foo.bar}}",
    '{{"abc"}}',
    r"{{`raw\n`}}",
    "}}",
    "{{continue}}x",
    "{{range .Layers}}{{break}}{{end}}",
    "{{eq .Labels nil}}",
    "{{ge 2 1}} {{le 2 1}} {{gt 2 1}}",
    "{{eq true false}}",
    '{{"a" | print "b"}}',
    "{{ .Os| len|print }}",
    "{{.Os}}{{.Os}}",
    '{{eq .Labels.foo "x"}}',
    "{{print .Labels.foo}}",
    '{{eq .Labels.foo ""}}',
    '{{index .Labels "x" | len}}',
    "{{range .Labels.foo}}x{{else}}e{{end}}",
    "{{and .Labels.foo 1}}",
    "{{or .Labels.foo 1}}",
    "{{not .Labels.foo}}",
    "{{printf .Os}}",
    "{{index .Os 0}}",
    "{{index .Layers}}",
    "{{index .Layers 0 0}}",
    "{{print .Created}}",
    '{{len "é"}}',
    '{{slice "héllo" 1 3}}',
    "{{slice .Layers 1}}",
    "{{eq .Created .Created}}",
    '{{lt .Os "m"}}',
    '{{eq "a" "b" "a"}}',
    '{{.Os|eq "linux"}}',
    "{{with $x := .Os}}{{$x}}{{.}}{{end}}",
    "{{range $i := .Layers}}{{$i}}{{end}}",
    '{{(printf "%s" "a")}}',
    "{{(index $ 0).Os}}",
    '{{if and (eq .Os "linux") (eq .Architecture "amd64")}}ok{{end}}',
    "{{if 1}}{{break}}{{end}}x",
    "{{- /* c */ -}} x",
    r'{{"\x41\u00e9\101"}}',
    r"{{'\x41'}}",
    "{{1_000}} {{0b11}} {{0o17}} {{017}}",
    "{{.1}}",
    "{{+1}}",
    "{{ ( .Os ) }}",
    "{{and 0 (index .Layers 99)}}",
    "{{or 1 (index .Layers 99)}}",
    '{{print 1 "a" 2 3 "b" "c" true}}',
    '{{println "a" 1}}',
    '{{printf "%v %v %v %v" 1 1.5 true nil}}',
    '{{printf "%6.2f|%-8s|%8s|%+d|%x" 3.14159 "a" "b" 5 "hi"}}',
    '{{printf "%03d|%3c|%q|%#q" 7 65 65 "x"}}',
    '{{printf "%5t|%v" true "x"}}',
    '{{printf "%v" .Layers}}',
    '{{printf "%s" .Created}}',
    '{{printf "%.3s|%.1f|%8.3f" "abcdef" 2.25 3.14159}}',
    '{{printf "%e %E %G" 123456.789 0.00001 1e-10}}',
    '{{printf "%g %g" 100000.0 1234567.0}}',
    '{{printf "%-5d|%5s" 3 "é"}}',
    '{{printf "%05s" "a"}}',
    '{{printf "%+v" .Layers}}',
    '{{printf "%5v|%-5v|" .Labels 1}}',
    '{{printf "%3v" .Layers}}',
    "{{if not nil}}x{{end}}",
    "{{if true}}1{{end}} {{false}}",
    '{{printf "%g %v %e %.3g %G" 1234567.0 1e6 1e6 1234.5678 1e-7}}',
    '{{printf "%8.3g|%-8v|%08.2f|%+.1f|% f" 1.5 1.5 3.14159 2.0 1.0}}',
    '{{printf "%08s|%-08s|%08v" "ab" "cd" true}}',
    '{{printf "%5%|%-5%|"}}',
    '{{printf "%v%%" 5}}',
    '{{printf "%6v|%6d" nil 3}}',
    '{{printf "%-08d|%+08d|% 08d" 5 5 5}}',
    '{{"a" }}{{ "b"}}',
    '{{if or (eq .Os "a") (gt (len .Layers) 2)}}many{{end}}',
    "{{range .Env}}{{println .}}{{end}}",
    "{{range $i, $l := .Layers}}{{if $i}}, {{end}}{{slice $l 7 19}}{{end}}",
    '{{with index .Labels "org.example.sample"}}label {{.}}{{end}}',
    "{{$d := .Digest}}{{range .Layers}}{{$d}} {{.}}{{end}}",
    "{{  .Os  |  print  }}",
    '{{range .Layers}}{{if eq . "x"}}{{continue}}{{end}}{{.}}{{break}}{{end}}',
    "x{{/* a */}}y{{- /* b */ -}} z",
    '{{len .Layers | printf "%d layers"}}',
    "{{eq (len .Layers) 3}}",
    '{{not (eq .Os "linux")}}',
    '{{le "a" "b"}} {{ne .Os "x"}} {{lt 1.5 2.5}}',
    "{{if .RepoTags}}tags{{else}}no tags{{end}}",
    "{{.RepoTags}} {{.DockerVersion}}x",
    '{{printf "%-20s|" .Os}}',
    '{{range $k, $v := .Labels}}{{printf "%s=%q " $k $v}}{{end}}',
)
CONFIGS: Final = (
    "{{.Architecture}} {{.OS}}",
    "{{.Config.Env}} {{.Config.Labels}} {{.Config.Cmd}}",
    "{{.RootFS.Type}} {{range .RootFS.DiffIDs}}{{.}},{{end}}",
    "{{range .History}}{{.CreatedBy}}|{{.Created}}|{{.EmptyLayer}};{{end}}",
    "{{.History}}",
    "{{.RootFS}} {{.Config}}",
    "{{len .Config.Env}} {{index .Config.Env 0}}",
    "{{.Created}} {{.Author}}",
    "{{.Config.ExposedPorts}} {{len .Config.Volumes}}",
)
WRONG: Final = (
    "{{.",
    "{{.Foo}}",
    "{{$.}}",
    '{{template "x"}}',
    '{{define "x"}}a{{end}}b',
    "{{call .Os}}",
    "{{nil}}",
    "{{index .Layers 9}}",
    "{{.Os.foo}}",
    '{{"unterminated}}',
    "{{end}}",
    "{{if}}",
    "{{if .Os}}",
    "{{range}}",
    "{{.Os .Arch}}",
    "{{.Os | .Arch}}",
    "{{$y}}",
    "{{len}}",
    "{{len 1}}",
    "{{index}}",
    "{{}}",
    "{{ }}",
    "{{/* x",
    "{{/* x */ }}",
    "{{range 3}}{{.}}{{end}}",
    "{{range .Os}}{{.}}{{end}}",
    "{{and}}",
    "{{eq}}",
    "{{eq 1}}",
    '{{eq 1 "a"}}',
    '{{lt 1 "a"}}',
    "{{eq .Layers .Layers}}",
    "{{not 1 2}}",
    "{{eq 1.0 1}}",
    "{{ .Os }",
    "{{len .Labels.foo}}",
    "{{index .Labels.foo 1}}",
    "{{printf 1}}",
    '{{index .Layers "a"}}',
    "{{index .Labels 1}}",
    "{{index .Layers -1}}",
    "{{len .Created}}",
    "{{len .}}",
    "{{slice .Layers 0 9}}",
    "{{slice .Labels 1}}",
    "{{eq . .}}",
    "{{lt true false}}",
    '{{ne "a" "b" "a"}}',
    "{{if $x := .Os}}{{$x}}{{end}}{{$x}}",
    "{{range $x := .Layers}}{{end}}{{$x}}",
    "{{$x, $y := .Os}}",
    "{{$x = 1}}",
    "{{range $a,$b,$c := .Layers}}{{end}}",
    "{{1 | 2}}",
    '{{.Os | "a"}}',
    "{{(1) 2}}",
    "{{(.Os).x}}",
    '{{"a".b}}',
    "{{..Os}}",
    "{{. Os}}",
    "{{$.Os}}",
    "{{if 0}}a{{else}}b{{else}}c{{end}}",
    "{{with 0}}a{{else with 1}}b{{end}}",
    "{{ /* c */}}",
    "{{-/* c */}}",
    "x {{- -}} y",
    r'{{"\q"}}',
    "{{'ab'}}",
    "{{9223372036854775808}}",
    "{{1a}}",
    "{{foo}}",
    "{{.Os@}}",
    "{{~}}",
    "{{.Os,}}",
    "{{(.Os}}",
    "{{.Os)}}",
    "{{nil | print}}",
    "{{print (nil)}}",
    "{{if nil}}{{end}}",
    "{{true.x}}",
    "{{.Os",
)


@pytest.fixture(autouse=True)
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`oci:one:t`, an image with three layers and a label."""
    write_layout(single_image(), tmp_path / "one", "t")
    monkeypatch.chdir(tmp_path)


def skopeo(arguments: Sequence[str]) -> Ended:
    done = subprocess.run(
        [require_program("skopeo"), *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.getcwd()},
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def both(*arguments: str) -> tuple[Ended, Ended]:
    line = ("inspect", *arguments, "oci:one:t")
    return skopeo(line), run_cli(*line, program="skopeo")


@pytest.mark.parametrize("template", FILLED)
def test_a_template_is_filled_in_alike(template: str) -> None:
    theirs, ours = both("--format", template)
    assert (theirs.code, ours.code) == (0, 0)
    assert ours.out == theirs.out


@pytest.mark.parametrize("template", CONFIGS)
def test_a_template_of_the_config_is_filled_in_alike(template: str) -> None:
    theirs, ours = both("--config", "--format", template)
    assert (theirs.code, ours.code) == (0, 0)
    assert ours.out == theirs.out


@pytest.mark.parametrize("template", WRONG)
def test_a_template_that_is_wrong_ends_with_the_same_code(template: str) -> None:
    theirs, ours = both("--format", template)
    assert (theirs.code, ours.code) == (1, 1)
    assert ours.fatal.startswith("--format: ")
