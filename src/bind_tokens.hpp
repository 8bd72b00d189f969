// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

// The native token priors.
void bind_tokens(nanobind::module_& m);
