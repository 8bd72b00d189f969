// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

// Context mixing of integers.
void bind_mixing(nanobind::module_& m);
