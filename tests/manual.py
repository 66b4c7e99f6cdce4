#!/usr/bin/env python3
"""Compile every code block of the header's manual and of README.md, as C99
and as C++11.

A block with a main is a program and is linked as it stands. One that holds
definitions (a brace in the first column) or only directives is a file. Any
other is the inside of a function that may use tests/manual_prelude.h.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / 'build' / 'manual'
PRELUDE = ROOT / 'tests' / 'manual_prelude.h'
WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Werror',
            f'-I{ROOT}', f'-I{ROOT}/tests']
LANGUAGES = {'C99': ['gcc', '-std=c99'],
             'C++11': ['g++', '-std=c++11', '-x', 'c++']}
LISTS = 'KNOBS', 'CONTENTS'  # indented, but not code
INDENT = 7                   # of code in the manual; its prose has 3


def manual_blocks():
    """Line and text of each indented block of the comment at the top."""
    cover = (ROOT / 'coap2.h').read_text().split('*/', 1)[0]
    block, start, heading = [], 0, ''
    for at, line in enumerate(cover.split('\n') + ['   END'], 1):
        if re.match(r' {3}\S', line):
            if block:
                yield start, '\n'.join(block).rstrip() + '\n'
            block, heading = [], line.strip()
        elif line.startswith(' ' * INDENT) and not heading.startswith(LISTS):
            start = start if block else at
            block.append(line[INDENT:])
        elif block:
            block.append('')


def readme_blocks():
    """Line and text of each ```c block."""
    text = (ROOT / 'README.md').read_text()
    for match in re.finditer(r'^```(?:c|cpp|C)\n(.*?)^```$', text,
                             re.M | re.S):
        yield text.count('\n', 0, match.start()) + 2, match.group(1)


def is_file(block):
    lines = [line for line in block.splitlines() if line.strip()]
    return re.search(r'^\{', block, re.M) or \
        all(line.startswith(('#', '/*', '//')) for line in lines)


def program(block, origin):
    """The file to compile, and whether it is to be linked."""
    place = f'#line {origin[1]} "{origin[0]}"\n'
    own_include = '#include "coap2.h"' in block
    header = '' if own_include else \
        '#define COAP2_IMPLEMENTATION\n#include "coap2.h"\n'
    if re.search(r'\bint main\(', block):
        return header + place + block, True
    prelude = f'#include "{PRELUDE.name}"\n'
    if is_file(block):
        return header + ('' if own_include else prelude) + place + block, False
    return (header + prelude + 'void fragment(void);\nvoid fragment(void)\n'
            '{\n' + place + block + '}\n'), False


def compile_block(name, origin, block):
    """Report of one block in each language: a list of (name, output)."""
    text, linked = program(block, origin)
    source = WORK / f'{name}.c'
    source.write_text(text)
    for language, compiler in LANGUAGES.items():
        what = [] if linked else ['-c']
        done = subprocess.run(
            [*compiler, *WARNINGS, *what, str(source), '-o',
             str(source.with_suffix('.out'))],
            capture_output=True, text=True)
        yield f'{origin[0]}:{origin[1]}, {language}', done.stderr


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    for path, blocks in ('coap2.h', manual_blocks), ('README.md',
                                                     readme_blocks):
        found = 0
        for at, block in blocks() if (ROOT / path).exists() else ():
            found += 1
            name = f'{path.split(".")[0]}_{at}'
            for title, output in compile_block(name, (path, at), block):
                print(f'{"not ok" if output else "ok"} - {title}')
                print(output, end='')
                passed += not output
                failed += bool(output)
        if not found:
            print(f'not ok - {path}: no code found')
            failed += 1
    print(f'{passed} passed, {failed} failed')
    return failed != 0


sys.exit(main())
