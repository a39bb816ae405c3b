// users-ctl's manual and bash's completion, written from the table of its commands.
#pragma once

#include <ostream>

namespace users::ctl {

void print_help(std::ostream& out);

/// users-ctl(8), as roff.
void print_man(std::ostream& out);

/// For /usr/share/bash-completion/completions/users-ctl.
void print_completion(std::ostream& out);

}  // namespace users::ctl
