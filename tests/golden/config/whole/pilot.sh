#!/bin/sh
exit 80
