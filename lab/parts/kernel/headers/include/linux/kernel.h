/* The stand-in kernel's: what the lab's own modules call. */
#ifndef _LINUX_KERNEL_H
#define _LINUX_KERNEL_H

int _printk(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define KERN_INFO "\0016"
#define printk _printk

#endif
