#!/usr/bin/python3
"""Hold what the package managers read to their published rules.

    tests/metadata.py            checks all of it
    tests/metadata.py --update   writes keywords.txt anew

The rules are those of arduino-lint's schema and the Arduino library
specification 2.2, of PlatformIO's manifest schema, of the manifest of the
ESP-IDF component manager, and of Zephyr's module.yml; Kconfig is read by
kconfiglib, which is Zephyr's reader. It comes from Debian, and so does the
Python above. Before that, each rule must find the faults planted for it.
"""

import fnmatch
import json
import re
import subprocess
import sys
from pathlib import Path

import kconfiglib
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / 'build' / 'metadata'
NOT_OURS = {'.git', 'build', '__pycache__'}
SOURCES = {'.c', '.cc', '.cpp', '.cxx', '.S', '.ino', '.pde'}

NUMBER = r'(?:0|[1-9]\d*)'
VERSION = rf'{NUMBER}\.{NUMBER}\.{NUMBER}(?:-[0-9A-Za-z.-]+)?'
URL = r'https?://[^\s/]+\.[^\s/]+(?:/\S*)?'
CATEGORIES = {'Display', 'Communication', 'Signal Input/Output', 'Sensors',
              'Device Control', 'Timing', 'Data Storage', 'Data Processing',
              'Other'}
SPDX = {'MIT': 'MIT License'}  # an identifier, and how its text begins


class Tree:
    """The project's files, some of them replaced by what a test plants."""

    def __init__(self, planted=None):
        self.planted = planted or {}
        self.paths = {path.relative_to(ROOT).as_posix(): path
                      for path in walk(ROOT)}
        for name in self.planted:
            self.paths.setdefault(name, ROOT / name)

    def text(self, name):
        if name in self.planted:
            return self.planted[name]
        return (ROOT / name).read_text()

    def properties(self):
        lines = self.text('library.properties').splitlines()
        return dict(line.partition('=')[::2] for line in lines
                    if line.strip() and not line.startswith('#'))

    def json(self):
        return json.loads(self.text('library.json'))

    def yaml(self, name):
        return yaml.safe_load(self.text(name))

    def manual(self):
        return self.text('coap2.h').split('\n#ifdef COAP2_IMPLEMENTATION')[0]


def walk(folder):
    for path in sorted(folder.iterdir()):
        if path.name in NOT_OURS:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from walk(path)
        else:
            yield path


def unlike(what, value, pattern, most=1000):
    """A complaint if a text is not of a form, or too long."""
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        yield f'{what} is {value!r}'
    elif len(value) > most:
        yield f'{what} has {len(value)} characters, {most} at most'


# ---- the rules: each yields what is wrong -----------------------------------

VERSIONS = {  # where each stands, as the first group
    'coap2.h': r'/\* coap2\.h - .* (\S+)\n',
    'library.properties': r'(?m)^version=(.*)$',
    'library.json': r'"version": "([^"]*)"',
    'idf_component.yml': r'(?m)^version: "([^"]*)"$',
    'README.md': r'\bThis is (\d\S*)\.\s',
    'CHANGELOG.md': r'(?m)^## \[(\d[^]]*)\]',
}
HISTORY = r'>>history: releases -+\n   (\S+) '


def versions_are_one(tree):
    """every version is COAP2_VERSION"""
    places = [*VERSIONS.items(), ('coap2.h', HISTORY)]
    wanted = re.search(r'#define COAP2_VERSION "(.*)"', tree.text('coap2.h'))
    yield from unlike('COAP2_VERSION', wanted and wanted.group(1), VERSION)
    for name, pattern in places:
        found = re.search(pattern, tree.text(name))
        if not found:
            yield f'{name} has no version where it should be'
        elif wanted and found.group(1) != wanted.group(1):
            yield f'{name} is of version {found.group(1)}'


def arduino_properties(tree):
    """library.properties: what arduino-lint's strict schema asks"""
    fields = tree.properties()
    forms = {
        'name': r'(?!(?i:.*(arduino|library)))(?=.*[A-Za-z])[\w.-]{1,16}',
        'version': VERSION, 'author': r'\S.*',
        'maintainer': r'(?!(?i:.*arduino))\S.*', 'sentence': r'\S.*\.',
        'paragraph': r'\S.*\.', 'category': '|'.join(CATEGORIES), 'url': URL,
        'architectures': r'\*|[\w-]+(,[\w-]+)*', 'includes': r'\S+\.h'}
    for name, form in forms.items():
        yield from unlike(name, fields.get(name), form)
    for name in fields.keys() - forms.keys():
        yield f'{name} is not a field'
    if fields.get('includes') not in tree.paths:
        yield f'{fields.get("includes")} is not in the root'
    if fields.get('sentence', '') in fields.get('paragraph', ''):
        yield 'paragraph repeats the sentence'


def arduino_layout(tree):
    """flat layout: nothing in the root that Arduino would compile"""
    for name, path in tree.paths.items():
        folder, _, file = name.rpartition('/')
        suffix = Path(file).suffix
        if folder in ('', 'utility') and suffix in SOURCES:
            yield f'{name} would be compiled'
        if name.startswith('src/'):
            yield f'{name}: with src/, the header of the root is not found'
        if suffix == '.exe' or path.is_symlink() or file == '.gitmodules':
            yield f'{name}: the library manager refuses it'
        if suffix == '.ino' and not name.startswith('examples/'):
            yield f'{name} is not under examples/'
        if suffix == '.ino' and Path(folder).name != Path(file).stem:
            yield f'{name} is not in a folder of its name'
    for name in 'LICENSE', 'README.md', 'keywords.txt':
        if name not in tree.paths:
            yield f'{name} is missing'


def public_names(tree):
    """The keywords of the header: types, functions, constants."""
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / 'manual.h').write_text(tree.manual())
    out = subprocess.run(
        ['ctags', '-f', '-', '--language-force=C', '--output-format=json',
         '--fields=+KS', '--kinds-C=demptsuv', WORK / 'manual.h'],
        check=True, capture_output=True, text=True).stdout
    names = {'KEYWORD1': set(), 'KEYWORD2': set(),
             'LITERAL1': {'COAP2_IMPLEMENTATION', 'COAP2_STATIC'}}
    for tag in map(json.loads, out.splitlines()):
        kind, name = tag['kind'], tag['name']
        if not re.match('coap2_|COAP2_', name) or name == 'COAP2_H':
            continue
        if kind in ('typedef', 'struct', 'union'):
            names['KEYWORD1'].add(name)
        elif kind == 'prototype' or 'signature' in tag:
            names['KEYWORD2'].add(name)
        elif kind in ('macro', 'enumerator'):
            names['LITERAL1'].add(name)
    names['LITERAL1'] -= names['KEYWORD2']  # another name for the linker
    return names


def keywords_text(tree):
    titles = {'KEYWORD1': 'Types', 'KEYWORD2': 'Functions and declarations',
              'LITERAL1': 'Constants and knobs'}
    parts = ['# What the Arduino IDE colours, from coap2.h by '
             'tests/metadata.py --update\n']
    for kind, names in public_names(tree).items():
        parts.append(f'\n# {titles[kind]} ({kind})\n')
        parts += (f'{name}\t{kind}\n' for name in sorted(names))
    return ''.join(parts)


def keywords_are_public_names(tree):
    """keywords.txt: a TAB between, and the public names of coap2.h"""
    lines = tree.text('keywords.txt').splitlines()
    for at, line in enumerate(lines, 1):
        if line and not re.fullmatch(r'#.*|\w+\t(KEYWORD[12]|LITERAL1)', line):
            yield f'line {at} is {line!r}'
    wanted = keywords_text(tree).splitlines()
    for line in sorted({*wanted} - {*lines}):
        yield f'{line} is missing'
    for line in sorted({*lines} - {*wanted}):
        yield f'{line} is not so in coap2.h'
    if len({*lines} - {''}) != len([line for line in lines if line]):
        yield 'a line stands twice'


def platformio_manifest(tree):
    """library.json: what PlatformIO's schema asks"""
    manifest = tree.json()
    known = set('name version description keywords authors license homepage '
                'repository frameworks platforms headers examples build '
                'export dependencies'.split())
    for name in manifest.keys() - known:
        yield f'{name} is not a field'
    yield from unlike('name', manifest.get('name'), r'[^:;/,@<>]+', 100)
    yield from unlike('version', manifest.get('version'), VERSION, 50)
    yield from unlike('description', manifest.get('description'), r'\S.*')
    for word in manifest.get('keywords', ['']):
        yield from unlike('a keyword', word, r'[a-z\d+. -]+', 50)
    for author in manifest.get('authors', [{}]):
        yield from unlike('an author', author.get('name'), r'\S.*', 50)
    for name in 'frameworks', 'platforms':
        yield from unlike(name, manifest.get(name), r'\*|[a-z\d_-]+', 50)
    for name in 'homepage', 'repository':
        if name in manifest:
            yield from unlike(name, manifest[name], URL, 255)
    yield from license_is_ours(tree, manifest.get('license'))


def license_is_ours(tree, identifier):
    if not tree.text('LICENSE').startswith(SPDX.get(identifier, '\0')):
        yield f'license is {identifier!r}'


def platformio_compiles_nothing(tree):
    """library.json: coap2.h is found, and not a file compiled"""
    manifest = tree.json()
    build = manifest.get('build', {})
    folder = build.get('includeDir', 'include')
    if folder != '.' or manifest.get('headers') not in tree.paths:
        yield f'{manifest.get("headers")} is not found in {folder}'
    compiled = set()
    base = build.get('srcDir', 'src').rstrip('/') + '/'
    base = '' if base == './' else base
    inside = {name[len(base):] for name in tree.paths
              if name.startswith(base)}
    for term in build.get('srcFilter', ['+<*>', '-<examples/*>']):
        sign, pattern = re.fullmatch(r'([+-])<(.*)>', term).groups()
        found = {name for name in inside if fnmatch.fnmatch(name, pattern)}
        compiled = compiled | found if sign == '+' else compiled - found
    for name in sorted(compiled):
        if Path(name).suffix in SOURCES:
            yield f'{name} would be compiled'
    out = manifest.get('export', {}).get('exclude', [])
    yield from packed(tree, [f'{name}/**/*' for name in out],
                      ['library.json', 'examples/'])


def packed(tree, excluded, kept):
    """Complaints of a package from which some patterns are left out."""
    inside = [name for name in tree.paths
              if not any(fnmatch.fnmatch(name, pattern.replace('**/', ''))
                         for pattern in excluded)]
    for name in ['coap2.h', 'README.md', 'LICENSE', 'CHANGELOG.md', *kept]:
        if not any(path.startswith(name) for path in inside):
            yield f'{name} is left out'
    for name in inside:
        if name.split('/')[0] in ('tests', 'fuzz', '.ci'):
            yield f'{name} is packed'
            break


def idf_manifest(tree):
    """idf_component.yml: what the component manager's manifest asks"""
    manifest = tree.yaml('idf_component.yml')
    known = set('version targets maintainers description license tags '
                'dependencies files examples url repository documentation '
                'issues discussion repository_info'.split())
    for name in manifest.keys() - known:
        yield f'{name} is not a field'
    yield from unlike('version', manifest.get('version'), VERSION)
    yield from unlike('description', manifest.get('description'), r'\S.*')
    yield from license_is_ours(tree, manifest.get('license'))
    tags = manifest.get('tags', [])
    for tag in tags:
        yield from unlike('a tag', tag, r'[A-Za-z0-9_-]{3,32}')
    if len({tag.lower() for tag in tags}) != len(tags):
        yield 'a tag stands twice'
    for name in 'url', 'repository', 'documentation', 'issues', 'discussion':
        if name in manifest:
            yield from unlike(name, manifest[name], URL)
    files = manifest.get('files', {})
    for name in files.keys() - {'exclude', 'include'}:
        yield f'files: {name} is not expected'
    # An example that is packed is shown as a project of ESP-IDF.
    excluded = files.get('exclude', [])
    yield from packed(tree, excluded, ['CMakeLists.txt'])
    if 'examples/**/*' not in excluded:
        yield 'the examples are packed'


def zephyr_module(tree):
    """zephyr/module.yml: known fields, and files where they point"""
    module = tree.yaml('zephyr/module.yml')
    known = {'name', 'build', 'tests', 'samples', 'boards', 'blobs',
             'security', 'package-managers'}
    for name in module.keys() - known:
        yield f'{name} is not a field'
    yield from unlike('name', module.get('name'), r'[A-Za-z]\w*')
    build = module.get('build', {})
    for name in build.keys() - {'cmake', 'kconfig'}:
        yield f'build: {name} is not expected'
    for path in f'{build.get("cmake")}/CMakeLists.txt', build.get('kconfig'):
        if path not in tree.paths:
            yield f'{path} is not there'


OFF_BY_DEFAULT = {'COAP2_WITH_DIRECTORY'}


def knobs_of(manual):
    """Of each knob its range, and its default where it is not an AVR."""
    shape = re.compile(r'^#ifndef (COAP2_\w+) /\*((?:[^*]|\*(?!/))*)\*/\n'
                       r'((?:#ifdef __AVR__\n.*\n#else\n)?)'
                       r'(?:#define \1 (.*)|#if)', re.M)
    for name, comment, _, default in shape.findall(manual):
        limits = re.match(r' *\((\d+)\.\.(\d+)\)', comment)
        if limits:
            yield name, ('int', *limits.groups(), default)
        elif name.startswith('COAP2_WITH_'):
            yield name, ('bool',)


def read_kconfig(tree):
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / 'Kconfig').write_text(tree.text('zephyr/Kconfig'))
    kconfig = kconfiglib.Kconfig(str(WORK / 'Kconfig'), warn_to_stderr=False)
    kconfig.syms['COAP2'].set_value('y')
    return kconfig


def kconfig_is_the_knobs(tree):
    """zephyr/Kconfig: each knob of coap2.h, its default and its range"""
    try:
        kconfig = read_kconfig(tree)
    except kconfiglib.KconfigError as error:
        yield str(error)
        return
    yield from kconfig.warnings
    knobs, shown = dict(knobs_of(tree.manual())), {}
    for sym in kconfig.unique_defined_syms:
        shown[sym.name] = (kconfiglib.TYPE_TO_STR[sym.type],)
        if sym.ranges:
            low, high, _ = sym.ranges[0]
            shown[sym.name] += (low.name, high.name, sym.str_value)
        elif sym.type == kconfiglib.BOOL and (
                (sym.str_value == 'y') == (sym.name in OFF_BY_DEFAULT)):
            yield f'{sym.name} has another default'
    shown.pop('COAP2', None)
    for name in sorted(knobs.keys() | shown.keys()):
        if knobs.get(name) != shown.get(name):
            yield (f'{name} is {knobs.get(name)} in coap2.h and '
                   f'{shown.get(name)} here')


def compiles(kconfig, name):
    """What a compiler says of the header with the knobs of a Kconfig."""
    source = WORK / 'whole.c'
    source.write_text('#define COAP2_IMPLEMENTATION\n#include "coap2.h"\n')
    defined = [f'-D{sym.name}={dict(y=1, n=0).get(value, value)}'
               for sym in kconfig.unique_defined_syms if sym.name != 'COAP2'
               for value in [sym.str_value or 'n']]
    done = subprocess.run(
        ['gcc', '-std=c99', '-Wall', '-Wextra', '-Wundef', '-Werror',
         '-fsyntax-only', f'-I{ROOT}', *defined, source],
        capture_output=True, text=True)
    return [f'{name}: {line}' for line in done.stderr.splitlines()[:3]]


def kconfig_compiles(tree):
    """zephyr/Kconfig: the header takes it as it is, and with any room out"""
    rooms = ['COAP2', *(name for name, knob in knobs_of(tree.manual())
                        if knob == ('bool',))]
    both = 'COAP2_WITH_SERVER', 'COAP2_WITH_CLIENT'
    for off in [*((name,) for name in rooms), both]:
        kconfig = read_kconfig(tree)
        for name in set(off) - {'COAP2'}:
            kconfig.syms[name].set_value('n')
        yield from compiles(kconfig, ' and '.join(off))


RULES = [versions_are_one, arduino_properties, arduino_layout,
         keywords_are_public_names, platformio_manifest,
         platformio_compiles_nothing, idf_manifest, zephyr_module,
         kconfig_is_the_knobs, kconfig_compiles]

# ---- a rule that finds nothing has to be able to ----------------------------

NOW = re.search(r'_VERSION "(.*)"', (ROOT / 'coap2.h').read_text()).group(1)

# (rule, file, what is replaced in it, by what); None: the file is new.
BREAKS = [
    *((versions_are_one, name, NOW, '77.7.7') for name in VERSIONS),
    (arduino_properties, 'library.properties', 'name=coap2', 'name=Arduino2'),
    (arduino_properties, 'library.properties', 'Communication', 'Network'),
    (arduino_properties, 'library.properties', 'includes=', 'include='),
    (arduino_properties, 'library.properties', 'url=https:', 'url=tbd:'),
    (arduino_properties, 'library.properties', f'={NOW}', '=1.2'),
    (arduino_layout, 'coap2.c', None, ''),
    (arduino_layout, 'src/coap2.h', None, ''),
    (arduino_layout, 'examples/arduino/One/Two.ino', None, ''),
    (keywords_are_public_names, 'keywords.txt', 'coap2_poll\t', 'poll\t'),
    (keywords_are_public_names, 'keywords.txt', '\tKEYWORD1', ' KEYWORD1'),
    (keywords_are_public_names, 'keywords.txt', 'node\tKEYWORD1',
     'node\tKEYWORD2'),
    (platformio_manifest, 'library.json', '"coap",', '"CoAP",'),
    (platformio_manifest, 'library.json', '"MIT"', '"GPL-2.0-only"'),
    (platformio_manifest, 'library.json', '"frameworks"', '"framework"'),
    (platformio_compiles_nothing, 'library.json', '-<*>', '+<*>'),
    (platformio_compiles_nothing, 'library.json', 'Dir": "."', 'Dir": "x"'),
    (platformio_compiles_nothing, 'library.json', '"fuzz", ', ''),
    (idf_manifest, 'idf_component.yml', '- iot', '- Internet of Things'),
    (idf_manifest, 'idf_component.yml', '- iot', '- COAP'),
    (idf_manifest, 'idf_component.yml', '"tests/**/*"', '"test/**/*"'),
    (idf_manifest, 'idf_component.yml', '"zephyr/**/*"', '"*.h"'),
    (idf_manifest, 'idf_component.yml', 'license:', 'licence:'),
    (zephyr_module, 'zephyr/module.yml', 'zephyr/Kconfig', 'Kconfig'),
    (zephyr_module, 'zephyr/module.yml', 'name:', 'title:'),
    (kconfig_is_the_knobs, 'zephyr/Kconfig', 'default 388', 'default 300'),
    (kconfig_is_the_knobs, 'zephyr/Kconfig', 'range 4 20', 'range 4 16'),
    (kconfig_is_the_knobs, 'zephyr/Kconfig', 'config COAP2_WITH_URI',
     'config COAP2_WITH_URL'),
    (kconfig_is_the_knobs, 'zephyr/Kconfig', 'endif', 'end'),
    (kconfig_is_the_knobs, 'zephyr/Kconfig', '\tbool "Requests"\n',
     '\tbool "Requests"\n\tdepends on COAP2_WITH_REPLIES\n'),
    (kconfig_compiles, 'zephyr/Kconfig', '\tdepends on COAP2_WITH_FIELDS\n',
     ''),
    (kconfig_compiles, 'zephyr/Kconfig', '!COAP2_WITH_CLIENT || ',
     'COAP2_WITH_CLIENT || '),
]


def main():
    tree = Tree()
    if sys.argv[1:] == ['--update']:
        (ROOT / 'keywords.txt').write_text(keywords_text(tree))
        return 0
    passed = failed = 0

    def say(name, findings):
        nonlocal passed, failed
        print(f'{"not ok" if findings else "ok"} - {name}')
        for finding in findings[:20]:
            print(f'  {finding}')
        passed += not findings
        failed += bool(findings)

    for rule, name, old, new in BREAKS:
        text = new
        if old is not None:
            assert old in tree.text(name), (name, old)
            text = tree.text(name).replace(old, new)
        found = list(rule(Tree({name: text})))
        shown = f'{name}: {(old or name).strip()!r}'
        say(f'checker: {rule.__name__} finds a fault at {shown}',
            [] if found else ['not found'])
    for rule in RULES:
        say(rule.__doc__, list(rule(tree)))
    print(f'{passed} passed, {failed} failed')
    return failed != 0


sys.exit(main())
