// SPDX-License-Identifier: Apache-2.0
// What the core throws; the binding turns each into the class of the same name in tinify.errors.
#pragma once

#include <stdexcept>

namespace tinify {

// A head that cannot be one is a FormatError. Once symbols are being read, damage and other tables or indexes than the
// encoder's look alike, and are a DesyncError: the container's checks have ruled damage out by then.

struct InputError : std::runtime_error { using std::runtime_error::runtime_error; };
struct FormatError : std::runtime_error { using std::runtime_error::runtime_error; };
struct DesyncError : std::runtime_error { using std::runtime_error::runtime_error; };

}  // namespace tinify
