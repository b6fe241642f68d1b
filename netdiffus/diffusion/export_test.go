package diffusion

// NormalCDF exposes normalCDF to the golden test.
var NormalCDF = normalCDF
