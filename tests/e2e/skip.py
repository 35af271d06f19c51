# SPDX-License-Identifier: Apache-2.0
class Skip(Exception):
    """This machine cannot run the test; the text says why."""
