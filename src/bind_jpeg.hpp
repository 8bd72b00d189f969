// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

// Scans of JPEG files.
void bind_jpeg(nanobind::module_& m);
