/* The stand-in kernel's: how a module says what it is. modinfo and depmod read the sections that this makes. */
#ifndef _LINUX_MODULE_H
#define _LINUX_MODULE_H

#include <linux/init.h>
#include <linux/kernel.h>

struct module {
  char name[56];
};

#define __MODULE_JOIN(a, b) a##b
#define __MODULE_UNIQUE(prefix, line) __MODULE_JOIN(prefix, line)
#define __MODULE_INFO(id, tag, text) \
  static const char id[] __attribute__((section(".modinfo"), used, aligned(1))) = #tag "=" text

#define MODULE_INFO(tag, text) __MODULE_INFO(__MODULE_UNIQUE(__modinfo_, __COUNTER__), tag, text)
#define MODULE_LICENSE(text) MODULE_INFO(license, text)
#define MODULE_AUTHOR(text) MODULE_INFO(author, text)
#define MODULE_DESCRIPTION(text) MODULE_INFO(description, text)
#define MODULE_VERSION(text) MODULE_INFO(version, text)
#define MODULE_ALIAS(text) MODULE_INFO(alias, text)
#define MODULE_FIRMWARE(text) MODULE_INFO(firmware, text)
#define MODULE_PARM_DESC(name, text) MODULE_INFO(parm, #name ":" text)
#define module_param(name, type, permissions) MODULE_INFO(parmtype, #name ":" #type)

#define module_init(function) int init_module(void) __attribute__((alias(#function)))
#define module_exit(function) void cleanup_module(void) __attribute__((alias(#function)))

#define EXPORT_SYMBOL(symbol) \
  static const char __kstrtab_##symbol[] __attribute__((section("__ksymtab_strings"), used, aligned(1))) = #symbol; \
  static const void *const __ksymtab_##symbol __attribute__((section("__ksymtab"), used)) = (const void *)&symbol

#endif
