// SPDX-License-Identifier: Apache-2.0
// What the core throws; the binding turns each into the class of the same name in tinify.errors.
#pragma once

#include <stdexcept>

namespace tinify {

struct InputError : std::runtime_error { using std::runtime_error::runtime_error; };
struct FormatError : std::runtime_error { using std::runtime_error::runtime_error; };
struct DesyncError : std::runtime_error { using std::runtime_error::runtime_error; };

}  // namespace tinify
