#!/usr/bin/env python3
"""Hold coap2.h to the law of the file, and every C file to its form.

The law: inside the machine a function calls only what stands above it, so
there are no prototypes, no recursion and no cycles; the contents at the top
are the banners below; functions and lines are short; names say what is
private; knobs have one shape. Before that, each rule must find a small file
that breaks it.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CLANG_FORMAT = 'clang-format-14'

COLUMNS = 80
MEDIAN_LINES, MOST_LINES, MAX_LINES = 12, 40, 80  # MOST: of 95 in 100
MAX_KNOBS = 30
INCLUDES = {'stdbool.h', 'stddef.h', 'stdint.h', 'string.h',
            'avr/pgmspace.h'}
FORBIDDEN = set('malloc calloc realloc free alloca printf sprintf snprintf '
                'float double setjmp longjmp'.split())

WORD = re.compile(r'[A-Za-z_]\w*')
MACHINE = re.compile(r'^#ifdef COAP2_IMPLEMENTATION\b')
BANNER = re.compile(r'^/\* [=-]{4} (@|>>)(\w+): (.*?) [=-]+(?: \*/)?$')
CONTENTS = re.compile(r'^ +(@|>>)(\w+) +(\S.*)$')


class Tag(NamedTuple):
    name: str
    kind: str
    line: int
    end: int
    scope: str


def blank(match):
    """Spaces in place of a comment or a literal; lines stay where they are."""
    return re.sub(r'[^\n]', ' ', match.group())


def without_comments(text):
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'
                  r"'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def ctags(path):
    out = subprocess.run(
        ['ctags', '-f', '-', '--language-force=C', '--output-format=json',
         '--sort=no', '--fields=+neKZ', '--kinds-C=+p', '--extras=-q',
         '-I', 'COAP2_DEF,COAP2_FLASH', path],
        check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        tag = json.loads(line)
        yield Tag(tag['name'], tag['kind'], tag['line'],
                  tag.get('end', tag['line']), tag.get('scope', ''))


class Header:
    """coap2.h, or a sample of its form, as the rules see it."""

    def __init__(self, path):
        self.path = path
        self.lines = Path(path).read_text().splitlines()
        self.code = without_comments('\n'.join(self.lines)).split('\n')
        self.machine_at = next((at for at, line in enumerate(self.lines, 1)
                                if MACHINE.match(line)), len(self.lines) + 1)
        self.tags = list(ctags(path))
        self.functions = [t for t in self.tags if t.kind == 'function']
        self.prototypes = [t for t in self.tags if t.kind == 'prototype']

    def in_machine(self, tag):
        return tag.line > self.machine_at

    def body(self, function):
        """Line numbers and code of a function, its head included."""
        lines = self.code[function.line - 1:function.end]
        return enumerate(lines, function.line)

    def macros(self):
        """Each #define of the machine: first line, and its code."""
        at = self.machine_at
        while at < len(self.code):
            first, text = at + 1, self.code[at]
            while text.endswith('\\') and at + 1 < len(self.code):
                at += 1
                text = text[:-1] + self.code[at]
            if re.match(r'\s*#\s*define\b', text):
                yield first, text
            at += 1


# ---- the rules: each yields (line, what is wrong) ---------------------------

def calls_go_up(header):
    """a function mentions only functions that stand above it"""
    first = {}
    for function in header.functions:
        first.setdefault(function.name, function.line)
    for function in filter(header.in_machine, header.functions):
        for line, code in header.body(function):
            for name in WORD.findall(code):
                itself = name == function.name and line == function.line
                if first.get(name, 0) >= function.line and not itself:
                    yield line, f'{function.name} mentions {name}, ' \
                                f'which stands at {first[name]}'
    for line, code in header.macros():
        for name in WORD.findall(code):
            if first.get(name, 0) > line:
                yield line, f'a macro mentions {name}, which stands below'


def no_prototypes(header):
    """the machine has no prototypes"""
    for tag in filter(header.in_machine, header.prototypes):
        yield tag.line, f'prototype of {tag.name}'


def contents_are_banners(header):
    """the contents at the top are the banners, in their order"""
    starts = [at for at, line in enumerate(header.lines)
              if line.strip().startswith('CONTENTS')]
    start = starts[0] if starts else 0
    listed = []
    for at, line in enumerate(header.lines[start:], start + 1):
        match = CONTENTS.match(line)
        if match:
            listed.append((match.groups(), at))
        elif listed and not line.strip():
            break
    found = [(match.groups(), at) for at, line in enumerate(header.lines, 1)
             if (match := BANNER.match(line))]
    for entry, at in listed:
        if entry not in [banner for banner, _ in found]:
            yield at, f'no banner says {"".join(entry[:2])}: {entry[2]}'
    for banner, at in found:
        if banner not in [entry for entry, _ in listed]:
            yield at, f'not in the contents: {"".join(banner[:2])}'
    if [entry for entry, _ in listed] != [banner for banner, _ in found]:
        yield start + 1, 'contents and banners are not the same'


def machine_in_rooms(header):
    """every function of the machine stands in a room that says what it is"""
    rooms = [at for at, line in enumerate(header.lines, 1)
             if line.startswith('/* ---- >>')]
    for at in rooms:
        inside = any(at < f.line < next((r for r in rooms if r > at),
                                        len(header.lines))
                     for f in header.functions)
        if inside and header.lines[at - 1].endswith('*/'):
            yield at, 'the banner does not say what its room knows'
    for function in filter(header.in_machine, header.functions):
        if not rooms or function.line < rooms[0]:
            yield function.line, f'{function.name} stands in no room'


def function_lengths(header):
    """functions: median, 95 of 100 and longest are short"""
    lengths = sorted((f.end - f.line + 1, f)
                     for f in filter(header.in_machine, header.functions))
    if not lengths:
        return
    most = lengths[(len(lengths) * 95 + 99) // 100 - 1]
    middle = median(length for length, _ in lengths)
    if middle > MEDIAN_LINES:
        yield 0, f'the median is {middle:g} lines, over {MEDIAN_LINES}'
    if most[0] > MOST_LINES:
        yield most[1].line, f'95 of 100 reach {most[0]} lines, over ' \
                            f'{MOST_LINES} ({most[1].name})'
    for length, function in lengths:
        if length > MAX_LINES:
            yield function.line, f'{function.name} has {length} lines'


def names_tell(header):
    """public names start with coap2_, private ones with coap2i_"""
    named = {'function', 'variable', 'macro', 'typedef', 'struct', 'enum',
             'union', 'enumerator'}
    declared = {tag.name for tag in header.prototypes}
    declared.add('COAP2_IMPLEMENTED')  # the machine's include guard
    for tag in header.tags:
        if tag.kind not in named or tag.name.startswith('__anon'):
            continue
        if tag.scope and tag.kind != 'enumerator':
            continue
        internal = header.in_machine(tag) and tag.name not in declared
        want = ('coap2i_', 'COAP2I_') if internal else ('coap2_', 'COAP2_')
        if tag.kind == 'macro' and tag.name.startswith('COAP2I_'):
            continue  # a macro of the manual's may be made of private ones
        if not tag.name.startswith(want):
            yield tag.line, f'{tag.kind} {tag.name} is not {want[0]}...'


def manual_is_machine(header):
    """what the manual declares is what the machine defines"""
    declared = {t.name: t.line for t in header.prototypes
                if not header.in_machine(t)}
    defined = {f.name: f.line for f in header.functions
               if not f.name.startswith('coap2i_')}
    for name in declared.keys() - defined.keys():
        yield declared[name], f'{name} is declared only'
    for name in defined.keys() - declared.keys():
        yield defined[name], f'{name} is defined only'


def knobs_of(header):
    """Name and line of each macro that a user may set to a number, protocol
    constants apart."""
    name = at = None
    for line, code in enumerate(header.code[:header.machine_at - 1], 1):
        words = code.split()
        if words[:1] == ['#ifndef']:
            name, at = words[1], line
        elif words[:2] == ['#define', name] and re.match(r'[\d(]',
                                                         (words + [''])[2]):
            yield name, at
            name = None


def protocol_constant(header, at):
    """Does the comment at a knob name the RFC that sets its default?"""
    comment = ' '.join(header.lines[at - 1:at + 1]).split('*/', 1)[0]
    return 'RFC' in comment and 'COAP2_WITH_' not in comment


def knobs_have_one_shape(header):
    """knobs: few, with a meaning, in the list at the top, tested by #if"""
    knobs = [(name, at) for name, at in knobs_of(header)
             if not name.startswith('COAP2_OPT_')
             and not protocol_constant(header, at)]
    cover = '\n'.join(header.lines).split('*/', 1)[0]
    if len(knobs) > MAX_KNOBS:
        yield knobs[-1][1], f'{len(knobs)} knobs, over {MAX_KNOBS}'
    for name, at in knobs:
        if '/*' not in header.lines[at - 1]:
            yield at, f'{name} has no meaning beside it'
        if not re.search(rf'\b{name} +\d', cover):
            yield at, f'{name} and its default are not in the list of knobs'
    for at, code in enumerate(header.code, 1):
        if re.search(r'#\s*ifdef COAP2_WITH_|defined\W+COAP2_WITH_', code):
            yield at, 'COAP2_WITH_x is 0 or 1: test it with #if'


def nothing_forbidden(header):
    """no heap, no float, no I/O, no state, no goto that goes back"""
    for at, code in enumerate(header.code, 1):
        words = WORD.findall(code)
        for word in FORBIDDEN.intersection(words):
            yield at, f'{word} has no place here'
        include = re.match(r'\s*#\s*include\s*<(.*)>', code)
        if include and include.group(1) not in INCLUDES:
            yield at, f'#include <{include.group(1)}>'
        target = re.search(r'\bgoto\s+(\w+)', code)
        if target and any(re.match(rf'\s*{target.group(1)}\s*:', above)
                          for above in header.code[:at]):
            yield at, f'goto {target.group(1)} goes back'
    for function in filter(header.in_machine, header.functions):
        for line, code in list(header.body(function))[1:]:
            if re.search(r'\bstatic\b', code) and 'const' not in code:
                yield line, f'{function.name} keeps state'
    for tag in filter(header.in_machine, header.tags):
        if tag.kind == 'variable' and not tag.scope and \
                'const' not in header.code[tag.line - 1]:
            yield tag.line, f'{tag.name} is global state'


def lines_are_short(header):
    """lines: 80 columns, no tabs, no blanks at the end"""
    for at, line in enumerate(header.lines, 1):
        if len(line) > COLUMNS:
            yield at, f'{len(line)} columns'
        if '\t' in line or line != line.rstrip():
            yield at, 'a tab, or a blank at the end'


def formatted(header):
    """clang-format has nothing to change"""
    done = subprocess.run([CLANG_FORMAT, f'--style=file:{ROOT}/.clang-format',
                           '--dry-run', '-Werror', header.path],
                          capture_output=True, text=True)
    lines = sorted({int(at) for at in re.findall(r':(\d+):\d+: error:',
                                                 done.stderr)})
    if done.returncode != 0:
        yield (lines or [0])[0], f'{len(lines)} lines differ'


LAW = [calls_go_up, no_prototypes, contents_are_banners, machine_in_rooms,
       function_lengths, names_tell, manual_is_machine, knobs_have_one_shape,
       nothing_forbidden, lines_are_short, formatted]

# ---- the checker itself -----------------------------------------------------

SAMPLE = '''\
/* sample.h

   KNOBS
       COAP2_WITH_A 1  a room

   CONTENTS
     @codes    what is said
     >>ground  what all stand on
*/

#ifndef COAP2_WITH_A /* a room */
#define COAP2_WITH_A 1
#endif

/* ==== @codes: what is said =============================================== */

COAP2_DEF int coap2_sum(int a, int b);

#ifdef COAP2_IMPLEMENTATION

/* ---- >>ground: what all stand on ------------------------------------------
   Knows numbers. Does not know messages. */

static int coap2i_half(int a)
{
    return a / 2;
}

COAP2_DEF int coap2_sum(int a, int b)
{
    return coap2i_half(a) + b;
}

#endif /* COAP2_IMPLEMENTATION */
'''

RETURN_HALF = '    return a / 2;\n'
LONG_BODY = '    a++;\n' * (MAX_LINES + 1) + RETURN_HALF

# (rule, what is replaced in the sample, by what)
BREAKS = [
    (calls_go_up, 'return a / 2', 'return coap2_sum(a, 2)'),
    (calls_go_up, 'return a / 2', 'return coap2i_half(a)'),
    (calls_go_up, 'static int coap2i_half',
     '#define COAP2I_LATER(a) \\\n    coap2_sum(a, 1)\n\n'
     'static int coap2i_half'),
    (no_prototypes, 'static int coap2i_half',
     'static int coap2i_other(int a);\n\nstatic int coap2i_half'),
    (contents_are_banners, '     @codes    what is said\n', ''),
    (contents_are_banners, 'what is said ===', 'what was said ==='),
    (contents_are_banners, '/* ---- >>ground: what all stand on -', '/* -'),
    (machine_in_rooms, '---\n   Knows numbers. Does not know messages. */',
     '--- */'),
    (function_lengths, RETURN_HALF, LONG_BODY),
    (names_tell, 'coap2i_half', 'half'),
    (names_tell, 'int coap2_sum', 'int sum'),
    (names_tell, 'static int coap2i_half',
     '#define TWO 2\n\nstatic int coap2i_half'),
    (manual_is_machine, 'COAP2_DEF int coap2_sum(int a, int b);\n', ''),
    (manual_is_machine, '(int a, int b);',
     '(int a, int b);\nCOAP2_DEF int coap2_other(int a);'),
    (knobs_have_one_shape, ' /* a room */', ''),
    (knobs_have_one_shape, 'COAP2_WITH_A 1  a room', ''),
    (knobs_have_one_shape, 'return a / 2;',
     '\n#ifdef COAP2_WITH_A\n    return a / 2;\n#endif'),
    (nothing_forbidden, 'a / 2', 'printf(a)'),
    (nothing_forbidden, 'return a / 2', 'static int b; return a / 2'),
    (nothing_forbidden, 'return a / 2', 'again: goto again'),
    (nothing_forbidden, '#ifdef COAP2_IMP',
     '#include <stdio.h>\n#ifdef COAP2_IMP'),
    (nothing_forbidden, 'static int coap2i_half',
     'static int coap2i_state;\n\nstatic int coap2i_half'),
    (lines_are_short, 'a / 2;', 'a / 2; ' + '/* long */ ' * 8),
    (lines_are_short, '    return a', '\treturn a'),
    (formatted, 'a / 2;', 'a/2;'),
]


def read_sample(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'sample.h'
        path.write_text(text)
        header = Header(str(path))
        return {rule: list(rule(header)) for rule in LAW}


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def say(self, name, findings):
        print(f'{"not ok" if findings else "ok"} - {name}')
        for finding in findings[:20]:
            print(f'  {finding}')
        self.passed += not findings
        self.failed += bool(findings)

    def rule(self, rule, header):
        path = Path(header.path).relative_to(ROOT)
        self.say(f'{path}: {rule.__doc__}',
                 [f'{path}:{at}: {what}' for at, what in rule(header)])


def check_the_checker(report):
    clean = [finding for found in read_sample(SAMPLE).values()
             for finding in found]
    report.say('checker: finds nothing in a clean sample', clean)
    for rule, old, new in BREAKS:
        assert old in SAMPLE, old
        found = read_sample(SAMPLE.replace(old, new))[rule]
        shown = new.strip().split('\n')[0][:40] or f'no {old.strip()[:36]}'
        report.say(f'checker: {rule.__name__} finds `{shown}`',
                   [] if found else ['not found'])


# ---- all of it --------------------------------------------------------------

def print_figures(header):
    functions = list(filter(header.in_machine, header.functions))
    lengths = sorted(f.end - f.line + 1 for f in functions)
    if lengths:
        most = lengths[(len(lengths) * 95 + 99) // 100 - 1]
        print(f'{len(header.lines)} lines, {len(functions)} functions: median '
              f'{median(lengths):g}, 95 of 100 up to {most}, '
              f'longest {lengths[-1]} lines; '
              f'{len([*knobs_of(header)])} knobs, protocol constants included')


def other_files():
    for folder in 'examples', 'tests', 'fuzz':
        for pattern in '*.c', '*.h', '*.ino':
            yield from (ROOT / folder).rglob(pattern)


def script_files():
    for folder in 'tests', 'fuzz':
        for pattern in '*.sh', '*.py':
            yield from (ROOT / folder).rglob(pattern)
    yield ROOT / '.ci/run'


def main():
    report = Report()
    check_the_checker(report)
    coap2 = Header(str(ROOT / 'coap2.h'))
    for rule in LAW:
        report.rule(rule, coap2)
    for path in sorted(other_files()):
        header = Header(str(path))
        header.machine_at = 0
        for rule in formatted, lines_are_short:
            report.rule(rule, header)
    shell = [str(path) for path in script_files() if path.suffix != '.py']
    done = subprocess.run(['shellcheck', '-x', '-S', 'warning', *shell],
                          capture_output=True, text=True, cwd=ROOT)
    report.say('shellcheck', done.stdout.splitlines())
    for path in sorted(script_files()):
        report.say(f'{path.relative_to(ROOT)}: {COLUMNS} columns',
                   [f'line {at}' for at, line
                    in enumerate(path.read_text().splitlines(), 1)
                    if len(line) > COLUMNS])
    print_figures(coap2)
    print(f'{report.passed} passed, {report.failed} failed')
    return report.failed != 0


sys.exit(main())
