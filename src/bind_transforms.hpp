// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

// The image transforms' fast layers.
void bind_transforms(nanobind::module_& m);
