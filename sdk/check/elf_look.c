/* SPDX-License-Identifier: Apache-2.0 */
/* See elf_look.h. What the dynamic linker will read: program headers and the dynamic section, not
 * the sections, which a stripped file may lack. */
#include "elf_look.h"

#include <cmp/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

typedef struct looking {
    findings *f;
    Elf *elf;
    Elf_Data *dynamic, *symbols;
    size_t dynamic_strings, symbol_strings; /* sections of their texts */
} looking;

/* This program's own: what it was built for is what it can load. */
#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#elif defined(__i386__)
#define MACHINE EM_386
#elif defined(__arm__)
#define MACHINE EM_ARM
#elif defined(__powerpc64__)
#define MACHINE EM_PPC64
#elif defined(__s390x__)
#define MACHINE EM_S390
#endif

static bool is_library(const looking *l)
{
    GElf_Ehdr head;
    if (elf_kind(l->elf) != ELF_K_ELF || gelf_getehdr(l->elf, &head) == NULL) {
        findings_broken(l->f, RULE_ELF, "the file is no ELF file");
        return false;
    }
    if (head.e_type != ET_DYN) {
        findings_broken(l->f, RULE_ELF,
                        "the file is no shared library (ELF type %u; link with "
                        "-shared)",
                        head.e_type);
        return false;
    }
    const int class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    if (head.e_ident[EI_CLASS] != class || head.e_machine != MACHINE) {
        findings_broken(l->f, RULE_ELF,
                        "the file is for another machine (ELF machine %u, wanted "
                        "%u)",
                        head.e_machine, MACHINE);
        return false;
    }
    findings_held(l->f, RULE_ELF, "a shared library for this machine");
    return true;
}

static void look_at_stack(const looking *l)
{
    size_t count = 0;
    elf_getphdrnum(l->elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr p;
        if (gelf_getphdr(l->elf, (int)i, &p) != NULL && p.p_type == PT_GNU_STACK) {
            if ((p.p_flags & PF_X) != 0) {
                findings_broken(l->f, RULE_STACK,
                                "it makes the host's stacks executable (nested "
                                "functions, or assembly without .note.GNU-stack)");
            } else {
                findings_held(l->f, RULE_STACK, "stacks stay data");
            }
            return;
        }
    }
    findings_broken(l->f, RULE_STACK, "it does not say that stacks are data (PT_GNU_STACK)");
}

static void find_tables(looking *l)
{
    for (Elf_Scn *s = elf_nextscn(l->elf, NULL); s != NULL; s = elf_nextscn(l->elf, s)) {
        GElf_Shdr head;
        if (gelf_getshdr(s, &head) == NULL) {
            continue;
        }
        if (head.sh_type == SHT_DYNAMIC) {
            l->dynamic = elf_getdata(s, NULL);
            l->dynamic_strings = head.sh_link;
        } else if (head.sh_type == SHT_DYNSYM) {
            l->symbols = elf_getdata(s, NULL);
            l->symbol_strings = head.sh_link;
        }
    }
}

static void look_at_folder(const looking *l, const char *folders)
{
    if (folders[0] != '/' && strncmp(folders, "$ORIGIN", strlen("$ORIGIN")) != 0) {
        findings_broken(l->f, RULE_RUNPATH,
                        "it looks for libraries in \"%s\", which depends on where the host was "
                        "started",
                        folders);
    } else {
        findings_note(l->f, RULE_RUNPATH, "it looks for libraries in %s first", folders);
    }
}

static void look_at_dynamic(const looking *l)
{
    GElf_Dyn d;
    bool fixed = false;
    for (int i = 0; gelf_getdyn(l->dynamic, i, &d) != NULL && d.d_tag != DT_NULL; i++) {
        const char *text = elf_strptr(l->elf, l->dynamic_strings, d.d_un.d_val);
        switch (d.d_tag) {
        case DT_NEEDED:
            findings_note(l->f, RULE_NEEDS, "it needs %s", text != NULL ? text : "?");
            break;
        case DT_RPATH:
        case DT_RUNPATH:
            look_at_folder(l, text != NULL ? text : "");
            break;
        case DT_TEXTREL:
            fixed = true;
            break;
        case DT_FLAGS:
            fixed = fixed || (d.d_un.d_val & DF_TEXTREL) != 0;
            break;
        default:
            break;
        }
    }
    if (fixed) {
        findings_broken(l->f, RULE_RELOCATIONS, "its code has to be changed to be loaded");
    } else {
        findings_held(l->f, RULE_RELOCATIONS, "its code is loaded as it is");
    }
}

/* Names of the implementation's (C17, 7.1.3): of linker and sanitizers. What C++ exports of its
 * templates, whatever the visibility, is weak. */
static bool is_the_toolchains(const char *name, const GElf_Sym *symbol)
{
    static const char *const marks[] = {"_init", "_fini", "_edata", "_end"};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (strcmp(marks[i], name) == 0) {
            return true;
        }
    }
    return strncmp(name, "__", 2) == 0 || GELF_ST_BIND(symbol->st_info) != STB_GLOBAL;
}

static void look_at_exports(const looking *l)
{
    GElf_Sym symbol;
    bool descriptor = false, others = false;
    for (int i = 1; gelf_getsym(l->symbols, i, &symbol) != NULL; i++) {
        const char *name = elf_strptr(l->elf, l->symbol_strings, symbol.st_name);
        if (symbol.st_shndx == SHN_UNDEF || name == NULL) {
            continue;
        }
        if (strcmp(name, CMP_PLUGIN_SYMBOL) == 0) {
            descriptor = true;
            if (GELF_ST_TYPE(symbol.st_info) != STT_OBJECT) {
                findings_broken(l->f, RULE_EXPORTS,
                                "%s is a function, wanted an object of type "
                                "cmp_plugin",
                                name);
            }
        } else if (!is_the_toolchains(name, &symbol)) {
            others = true;
            findings_broken(l->f, RULE_EXPORTS,
                            "it exports %s, too (compile with "
                            "-fvisibility=hidden)",
                            name);
        }
    }
    if (!descriptor) {
        findings_broken(l->f, RULE_EXPORTS, "it exports no %s (CMP_EXPORT before the descriptor)",
                        CMP_PLUGIN_SYMBOL);
    } else if (!others) {
        findings_held(l->f, RULE_EXPORTS, "%s alone", CMP_PLUGIN_SYMBOL);
    }
}

static bool look(looking *l)
{
    if (!is_library(l)) {
        return false;
    }
    look_at_stack(l);
    find_tables(l);
    if (l->dynamic == NULL || l->symbols == NULL) {
        findings_broken(l->f, RULE_ELF, "the file has no dynamic section or symbols");
        return false;
    }
    look_at_dynamic(l);
    look_at_exports(l);
    return true;
}

bool elf_look(const char *path, findings *f)
{
    elf_version(EV_CURRENT);
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        findings_broken(f, RULE_FILE, "the file cannot be opened: %s", strerror(errno));
        return false;
    }
    looking l = {.f = f, .elf = elf_begin(fd, ELF_C_READ, NULL)};
    const bool good = l.elf != NULL && look(&l);
    if (l.elf == NULL) {
        findings_broken(f, RULE_ELF, "the file cannot be read: %s", elf_errmsg(-1));
    }
    elf_end(l.elf);
    close(fd);
    return good;
}
