/* secret.h - secrets that stand in files of their own, which are read whenever they are needed. */
#pragma once

/* What the file has, without white space at its end, for the caller to memory_forget; NULL when it
 * cannot be read, which the log then says. */
char *secret_read(const char *path);
